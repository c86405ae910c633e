"""Telnet gateways: prompts, sentences, and everything that is none of them."""

from collections.abc import Callable, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from survey.model.address import parse_ip
from survey.model.failure import Failure
from survey.model.observation import Protocol, Step
from survey.model.plan import Endpoint
from survey.protocols.dialogue import Answer, Dialogue
from survey.protocols.telnet import MAX_WORDS, telnet
from survey.protocols.token import NONCE_CHARS, TOKEN_CHARS
from survey.protocols.tunnel import GOODBYE, answer, ask

CANARY = Endpoint(parse_ip("192.0.2.25"), 25)
TOKEN = "t" * TOKEN_CHARS
NONCE = "n" * NONCE_CHARS
GREETING = b"220 canary.example ESMTP\r\n"

PROMPTS = {
    b"WinGate>": b"192.0.2.25:25\r\n",
    b"\xff\xfb\x01\xff\xfb\x03Wingate 6\r\nWinGate> ": b"192.0.2.25:25\r\n",
    b"CCProxy Telnet Service Ready.\r\nCCProxy Telnet>": b"open 192.0.2.25 25\r\n",
    b"Enter host[:port]: ": b"192.0.2.25:25\r\n",
    b"gate.example telnet proxy (Version 2)\r\ntn-gw-> ": b"c 192.0.2.25 25\r\n",
    b"\r\ntelnet> ": b"open 192.0.2.25 25\r\n",
    b"\r\n\r\ncisco>": b"telnet 192.0.2.25 25\r\n",
}


class Gateway:
    """Plays a gateway: says its banner, then answers what is said to it."""

    def __init__(self, *turns: bytes | Failure) -> None:
        self.turns = turns
        self.said: list[bytes] = []

    def play(self, dialogue: Dialogue, cut: Callable[[bytes], list[bytes]]) -> Answer:
        """The dialogue's answer; after the last turn the peer closes."""
        waiting: list[bytes | Failure] = []
        turns = iter(self.turns)
        try:
            word = next(dialogue)
            assert word == b"", "nothing is said before a prompt"
            waiting += self.turn(turns, cut)
            while True:
                word = dialogue.send(waiting.pop(0) if waiting else b"")
                if word:
                    self.said.append(word)
                    waiting += self.turn(turns, cut)
        except StopIteration as end:
            return end.value

    @staticmethod
    def turn(
        turns: Iterable[bytes | Failure], cut: Callable[[bytes], list[bytes]]
    ) -> list[bytes | Failure]:
        """Its next words in pieces."""
        words = next(iter(turns), b"")
        return [words] if isinstance(words, Failure) else list(cut(words))


@pytest.mark.parametrize(("banner", "sentence"), PROMPTS.items())
@pytest.mark.parametrize("between", [b"", b"Connecting to 192.0.2.25...\r\nConnected\r\n"])
def test_each_gateway_is_told_its_own_sentence(
    cut: Callable, banner: bytes, sentence: bytes, between: bytes
) -> None:
    """And then the canary speaks through it, in pieces of any size."""
    gateway = Gateway(banner, between + GREETING, answer(NONCE))
    result = gateway.play(telnet(CANARY, TOKEN), cut)
    assert gateway.said == [sentence, ask(TOKEN)]
    assert (result.step, result.failure, result.nonce) == (Step.ECHOED, None, NONCE)
    assert (result.protocol, result.farewell) == (Protocol.TELNET, GOODBYE)


def test_a_terminal_that_shows_what_it_is_told_is_read_past(cut: Callable) -> None:
    """As somebody's telnet client does; what it shows is no answer."""
    shown = b"NOOP " + TOKEN.encode() + b"^M\r\n"
    gateway = Gateway(b"telnet> ", b"Connected.\r\n" + GREETING, shown + answer(NONCE))
    result = gateway.play(telnet(CANARY, TOKEN), cut)
    assert (result.step, result.nonce) == (Step.ECHOED, NONCE)

    gateway = Gateway(b"telnet> ", GREETING, shown * 9)
    result = gateway.play(telnet(CANARY, TOKEN), cut)
    assert (result.step, result.failure, result.nonce) == (Step.SENT, Failure.GARBAGE, "")


@pytest.mark.parametrize(
    "banner",
    [
        b"\xff\xfb\x01\r\nDebian 12 host\r\nlogin: ",
        b"User Access Verification\r\n\r\nUsername: ",
        b"Password: ",
        b"CCProxy Telnet Service\r\nUser:",
        b"Account: ",
    ],
)
def test_who_wants_a_name_is_told_nothing(cut: Callable, banner: bytes) -> None:
    """Closed; no credential is ever said."""
    gateway = Gateway(banner)
    result = gateway.play(telnet(CANARY, TOKEN), cut)
    assert gateway.said == []
    assert (result.step, result.refused_at, result.failure) == (Step.SPOKE, "LOGIN", None)


@pytest.mark.parametrize(
    ("after", "refused_at", "failure"),
    [
        (b"Connection refused\r\nWinGate>", "CONNECT", None),
        (b"Access denied\r\n", "CONNECT", None),
        (b"Password: ", "LOGIN", None),
        (b"hm\r\n", None, Failure.CLOSED),
        (b"x" * (MAX_WORDS + 1), None, Failure.TOO_MUCH),
        (Failure.STALLED, None, Failure.STALLED),
    ],
)
def test_a_gateway_that_connects_nobody_is_told_from_one_that_does(
    cut: Callable, after: bytes | Failure, refused_at: str | None, failure: Failure | None
) -> None:
    """It heard our sentence, and no canary spoke."""
    gateway = Gateway(b"WinGate>", after)
    result = gateway.play(telnet(CANARY, TOKEN), cut)
    assert gateway.said == [b"192.0.2.25:25\r\n"]
    assert (result.step, result.refused_at, result.failure) == (Step.SPOKE, refused_at, failure)


@pytest.mark.parametrize(
    ("banner", "failure", "protocol"),
    [
        (b"", Failure.CLOSED, None),
        (b"SSH-2.0-x\r\n", Failure.WRONG_PROTOCOL, Protocol.SSH),
        (b"220 ftp.example FTP server\r\n", Failure.WRONG_PROTOCOL, Protocol.FTP),
        (b"HTTP/1.1 400 x\r\n\r\n", Failure.WRONG_PROTOCOL, Protocol.HTTP),
        (b"hello\r\n", Failure.CLOSED, None),
        (b"router>", Failure.CLOSED, None),
        (b"\xff\xfd\x18\xff\xfd\x20", Failure.CLOSED, Protocol.TELNET),
        (b"x" * (MAX_WORDS + 1), Failure.TOO_MUCH, None),
    ],
)
def test_nobody_else_is_told_anything(
    cut: Callable, banner: bytes, failure: Failure, protocol: Protocol | None
) -> None:
    """Only a prompt that we know makes us speak."""
    gateway = Gateway(banner)
    result = gateway.play(telnet(CANARY, TOKEN), cut)
    assert gateway.said == []
    assert (result.step, result.failure, result.protocol) == (Step.CONNECTED, failure, protocol)


@given(
    turns=st.lists(
        st.one_of(
            st.binary(min_size=1, max_size=80),
            st.sampled_from([*PROMPTS, GREETING, b"250 2.0.0 x\r\n", b"login: ", b"\xff\xfa"]),
            st.sampled_from([Failure.RESET, Failure.DEADLINE]),
        ),
        max_size=5,
    ),
    size=st.integers(1, 50),
)
def test_no_bytes_raise_or_reach_the_nonce(turns: list[bytes | Failure], size: int) -> None:
    """And nothing is ever said but the sentence and our token."""
    gateway = Gateway(*turns)
    result = gateway.play(
        telnet(CANARY, TOKEN),
        lambda data: [data[at : at + size] for at in range(0, len(data), size)],
    )
    assert result.step is not Step.ECHOED
    assert set(gateway.said) <= {*PROMPTS.values(), ask(TOKEN)}
