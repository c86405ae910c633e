"""Ctrl-C as a wish: noted once, and what it was before when it is pressed again."""

import signal
import threading
from collections.abc import Iterator

import pytest

from survey.flows.interrupt import SIGNALS, interrupt_heard


@pytest.fixture(autouse=True)
def _as_a_process_begins() -> Iterator[None]:
    """Python's own handlers, whatever event loops of earlier tests left behind."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", SIGNALS)
def test_signal_is_noted_and_raises_nothing(number: signal.Signals) -> None:
    """What is under way comes to its end before anybody looks."""
    noted: list[None] = []
    with interrupt_heard(lambda: noted.append(None)):
        signal.raise_signal(number)
        assert noted == [None]


def test_second_ctrl_c_breaks_off_at_once() -> None:
    """Somebody does not want to wait."""
    noted: list[None] = []
    with interrupt_heard(lambda: noted.append(None)):
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert noted == [None]


def test_handlers_are_back_at_the_end() -> None:
    """Whether a signal came or not."""
    before = [signal.getsignal(number) for number in SIGNALS]
    with interrupt_heard(lambda: None):
        assert [signal.getsignal(number) for number in SIGNALS] != before
    assert [signal.getsignal(number) for number in SIGNALS] == before
    with interrupt_heard(lambda: None):
        signal.raise_signal(signal.SIGTERM)
    assert [signal.getsignal(number) for number in SIGNALS] == before


def test_other_threads_hear_no_signals() -> None:
    """A scan that runs in one is stopped by a wish alone."""
    before, seen = signal.getsignal(signal.SIGINT), []

    def elsewhere() -> None:
        with interrupt_heard(lambda: None):
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert seen == [before]
