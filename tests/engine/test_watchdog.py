"""The kernel ends a process whose lease is over, frozen or not."""

import os
import signal
import time

import pytest

from survey.engine.watchdog import Watchdog, boottime


def in_a_child(act: object) -> tuple[int, float]:
    """Status and seconds of a process that does this and then ends well."""
    assert callable(act)
    began = time.monotonic()
    child = os.fork()
    if not child:
        try:
            act()
        finally:
            os._exit(7)
    _, status = os.waitpid(child, 0)
    return status, time.monotonic() - began


def frozen() -> None:
    """Stop for good, as Ctrl-Z does, with 0.3 s of a lease left."""
    Watchdog().arm(boottime() + 0.3)
    os.kill(os.getpid(), signal.SIGSTOP)


def stuck() -> None:
    """Hear nothing and never end."""
    Watchdog().arm(boottime() + 0.3)
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    while True:
        time.sleep(0.05)


@pytest.mark.parametrize("act", [frozen, stuck])
def test_process_past_its_lease_is_ended(act: object) -> None:
    """Nobody has to thaw it, and nothing can be caught or blocked."""
    status, seconds = in_a_child(act)

    assert os.WIFSIGNALED(status)
    assert os.WTERMSIG(status) == signal.SIGKILL
    assert seconds >= 0.3


def test_renewed_and_given_up_leases_let_live() -> None:
    """Arming anew puts it off; disarming and closing take it away."""

    def lively() -> None:
        watchdog = Watchdog()
        for _ in range(5):  # a busy machine may lose most of a second
            watchdog.arm(boottime() + 1.2)
            time.sleep(0.3)
        watchdog.disarm()
        time.sleep(1.3)
        watchdog.arm(boottime() + 1)
        watchdog.close()
        time.sleep(1.1)

    status, _ = in_a_child(lively)

    assert os.waitstatus_to_exitcode(status) == 7


def test_moment_that_is_past_ends_at_once() -> None:
    """A lease that is over when it is armed."""
    status, _ = in_a_child(lambda: (Watchdog().arm(boottime() - 1), time.sleep(5)))

    assert os.WIFSIGNALED(status)
