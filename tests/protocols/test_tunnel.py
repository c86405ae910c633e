"""The talk with our canary through a tunnel."""

from collections.abc import Callable

import pytest

from survey.model.failure import Failure
from survey.model.observation import Step
from survey.protocols.dialogue import Answer, Dialogue, Inbox
from survey.protocols.token import NONCE_CHARS, TOKEN_CHARS
from survey.protocols.tunnel import GOODBYE, Tunnel, answer, ask

TOKEN = "t" * TOKEN_CHARS
NONCE = "n" * NONCE_CHARS


def through() -> Dialogue:
    """A tunnel that was granted by a full stop."""
    inbox = Inbox()
    yield from inbox.until(1, b"?")
    inbox.take(1)
    tunnel = Tunnel()
    yield from tunnel.talk(inbox, TOKEN)
    return Answer(tunnel.step, tunnel.failure, nonce=tunnel.nonce, farewell=tunnel.farewell)


@pytest.mark.parametrize(
    "greeting", [b"220 canary.example ESMTP\r\n", b"220\n", b"220-one\r\n220-two\r\n220 three\r\n"]
)
def test_a_nonce_that_comes_back_is_kept(play: Callable, cut: Callable, greeting: bytes) -> None:
    """Token said, nonce heard, goodbye ready."""
    result, said = play(through(), cut(b"." + greeting + answer(NONCE)))
    assert result == Answer(Step.ECHOED, nonce=NONCE, farewell=GOODBYE)
    assert said == b"?" + ask(TOKEN)


@pytest.mark.parametrize(
    ("heard", "step", "failure"),
    [
        (b".", Step.ACCEPTED, Failure.CLOSED),
        (b".22", Step.ACCEPTED, Failure.CLOSED),
        (b".<html>Welcome!</html>", Step.ACCEPTED, Failure.GARBAGE),
        (b".554 go away\r\n", Step.ACCEPTED, Failure.GARBAGE),
        (b".2204 x\r\n", Step.ACCEPTED, Failure.GARBAGE),
        (b".220-\r\n" * 20, Step.ACCEPTED, Failure.GARBAGE),
        (b"." + b"220-x\r\n" * 20, Step.ACCEPTED, Failure.GARBAGE),
        (b".220 " + b"x" * 2000, Step.ACCEPTED, Failure.TOO_MUCH),
        (b".220 x\r\n", Step.SENT, Failure.CLOSED),
        (b".220 x\r\n" + ask(TOKEN), Step.SENT, Failure.GARBAGE),
        (b".220 x\r\n250 OK\r\n", Step.SENT, Failure.GARBAGE),
        (b".220 x\r\n250 2.0.0 short\r\n", Step.SENT, Failure.GARBAGE),
        (b".220 x\r\n" + answer(NONCE.upper()), Step.SENT, Failure.GARBAGE),
        (b".220 x\r\n502 no\r\n", Step.SENT, Failure.GARBAGE),
    ],
)
def test_whatever_else_comes_is_no_echo(
    play: Callable, cut: Callable, heard: bytes, step: Step, failure: Failure
) -> None:
    """How far it got, and why no farther."""
    result, _ = play(through(), cut(heard))
    assert (result.step, result.failure, result.nonce, result.farewell) == (step, failure, "", b"")
