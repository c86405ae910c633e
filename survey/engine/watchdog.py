"""Ends this process when its lease is over and it has not ended by itself (law 5).

The kernel is the watchdog: a POSIX timer that sends SIGKILL.  It needs no thread, no second process
and no cooperation, so it also ends a process that is frozen (SIGSTOP, Ctrl-Z, a debugger), stuck in
a loop, or asleep on a dead disk; and a process that thaws is gone before it can send one packet.
Time is CLOCK_BOOTTIME, which goes on while the machine sleeps.
"""

import ctypes
import os
import signal
import time
from functools import cache


def boottime() -> float:
    """Seconds on the clock that leases are counted by."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class _Event(ctypes.Structure):
    """``struct sigevent`` of a signal to the process (64 bytes in every Linux ABI)."""

    _fields_ = (
        ("value", ctypes.c_void_p),
        ("signal", ctypes.c_int),
        ("notify", ctypes.c_int),
        ("rest", ctypes.c_int * 12),
    )


class _Time(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _Setting(ctypes.Structure):
    """``struct itimerspec``."""

    _fields_ = (("interval", _Time), ("value", _Time))


_SIGEV_SIGNAL = 0
_TIMER_ABSTIME = 1
_NEVER = _Setting()


class Watchdog:
    """One timer; ``with`` sees to it that it never outlives its lease."""

    def __init__(self) -> None:
        event = _Event(None, signal.SIGKILL, _SIGEV_SIGNAL)
        self._timer = ctypes.c_void_p()
        _check(
            _library().timer_create(
                time.CLOCK_BOOTTIME, ctypes.byref(event), ctypes.byref(self._timer)
            )
        )

    def arm(self, until: float) -> None:
        """End this process at ``until`` (boottime), unless armed anew or disarmed before."""
        seconds, rest = divmod(until, 1)
        setting = _Setting(_Time(0, 0), _Time(int(seconds), int(rest * 1e9)))
        self._set(setting)

    def disarm(self) -> None:
        """Let this process live: it holds no socket to anybody any more."""
        self._set(_NEVER)

    def close(self) -> None:
        """Disarm for good."""
        _check(_library().timer_delete(self._timer))

    def _set(self, setting: _Setting) -> None:
        _check(_library().timer_settime(self._timer, _TIMER_ABSTIME, ctypes.byref(setting), None))


@cache
def _library() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _check(result: int) -> None:
    if result:
        code = ctypes.get_errno()
        raise OSError(code, f"the watchdog can't be set: {os.strerror(code)}")
