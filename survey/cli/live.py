"""A scan's live line on a terminal; one line every few seconds where there is none."""

import time
from types import TracebackType
from typing import Self

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from survey.cli.screen import console, say
from survey.flows.standing import ScanStatus

EVERY = 5.0
"""Seconds between two lines without a terminal."""


class Live:
    """Shows each status of a scan: rate now and cap, done, found, time left."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            TaskProgressColumn(),
            TextColumn("{task.fields[figures]}"),
            console=console,
            transient=False,
            disable=not console.is_terminal,
        )
        self._task = self._progress.add_task("starting", total=None, figures="")
        self._said_at = float("-inf")
        self._optouts = 0

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def show(self, status: ScanStatus) -> None:
        """Show one status; an opt-out that has come into force is a line of its own."""
        if status.optouts_obeyed > self._optouts and status.optouts_lag is not None:
            say(
                f"opt-out entry {status.optouts_obeyed} is in force in every worker, "
                f"{status.optouts_lag:.1f} s after it was written"
            )
        self._optouts = status.optouts_obeyed
        figures = (
            f"{status.rate:,.0f}/{status.cap:,} packets/s  "
            f"{status.done:,}/{status.planned:,} targets  {status.found:,} found  "
            f"shards {status.committed}/{status.shards}  ETA {_eta(status.eta)}"
        )
        if console.is_terminal:
            self._progress.update(
                self._task,
                description=status.state.value,
                total=max(1, status.planned),
                completed=status.done,
                figures=figures,
            )
        elif time.monotonic() - self._said_at >= EVERY:
            self._said_at = time.monotonic()
            say(f"{status.state.value}: {figures}")


def _eta(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"
