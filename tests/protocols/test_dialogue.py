"""An inbox waits for exactly what is needed, however the bytes come."""

from collections.abc import Callable

import pytest

from survey.model.failure import Failure
from survey.model.observation import Step
from survey.protocols.dialogue import Answer, Dialogue, Inbox


def lines(inbox: Inbox, limit: int, count: int) -> Dialogue:
    """Reads ``count`` lines and gives them back joined by bars."""
    heard: list[bytes] = []
    for number in range(count):
        line = yield from inbox.line(limit, say=b"?" if number == 0 else b"")
        if line is None:
            return Answer(Step.SPOKE, inbox.ended, reply=b"|".join(heard))
        heard.append(line)
    return Answer(Step.SENT, reply=b"|".join(heard))


def test_lines_come_without_their_ends(play: Callable, cut: Callable) -> None:
    """Both kinds of ends, in pieces of any size, and what follows stays."""
    inbox = Inbox()
    answer, _ = play(lines(inbox, 10, 3), cut(b"one\r\ntwo\n\r\nrest"))
    assert answer.reply == b"one|two|"
    assert b"rest".startswith(inbox.data)


@pytest.mark.parametrize("data", [b"x" * 20, b"x" * 20 + b"\n"])
def test_too_long_a_line_ends_it(play: Callable, cut: Callable, data: bytes) -> None:
    """With its end or without."""
    answer, _ = play(lines(Inbox(), 10, 1), cut(data))
    assert answer.failure is Failure.TOO_MUCH


def test_a_line_of_exactly_the_limit_is_read(play: Callable, cut: Callable) -> None:
    """The limit counts the line, not its end."""
    answer, _ = play(lines(Inbox(), 10, 1), cut(b"x" * 10 + b"\n"))
    assert answer.reply == b"x" * 10


def test_why_it_ended_is_kept(play: Callable) -> None:
    """An end of file is CLOSED; another end is what it is."""
    assert play(lines(Inbox(), 10, 1), [b"on"])[0].failure is Failure.CLOSED
    assert play(lines(Inbox(), 10, 1), [b"on", Failure.RESET])[0].failure is Failure.RESET


def test_nobody_waits_for_a_line_that_can_t_come() -> None:
    """The first wrong byte decides."""
    waiting = Inbox().line(10, starting=b"220")
    next(waiting)
    waiting.send(b"2")
    with pytest.raises(StopIteration) as end:
        waiting.send(b"5")
    assert end.value.value is None


def test_nothing_is_said_to_one_who_has_ended() -> None:
    """Its bytes may still be used."""
    inbox = Inbox(b"ab", Failure.CLOSED)
    with pytest.raises(StopIteration) as end:
        next(inbox.until(2, say=b"hello"))
    assert end.value.value is True
