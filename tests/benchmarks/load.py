"""How much of the machine others used while something was measured."""

import os
import resource
import time
from pathlib import Path
from types import TracebackType
from typing import Self

_USER, _NICE, _SYSTEM, _STEAL = 0, 1, 2, 7
"""Columns of /proc/stat (proc(5)).  Time in interrupts belongs to nobody: it is left out."""


class Load:
    """Measures from the beginning of its block to the end.

    Attributes:
        others: Share of all cores that neither this process nor its children used, 0 to 1.
    """

    def __init__(self) -> None:
        self.others = 0.0

    def __enter__(self) -> Self:
        self._before = _busy(), _own(), time.monotonic()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        busy, own, at = self._before
        spent = (_busy() - busy) - (_own() - own)
        seconds = (time.monotonic() - at) * (os.cpu_count() or 1)
        self.others = min(1.0, max(0.0, spent / seconds))


def _busy() -> float:
    """CPU seconds that all processes have had since the machine started."""
    ticks = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:]
    return sum(int(ticks[column]) for column in (_USER, _NICE, _SYSTEM, _STEAL)) / os.sysconf(
        "SC_CLK_TCK"
    )


def _own() -> float:
    """CPU seconds of this process and of those of its children that have ended."""
    both = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(sum(resource.getrusage(who)[:2]) for who in both)
