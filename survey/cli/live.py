"""A scan's live view on a terminal; a line every few seconds where there is none."""

import time
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from rich.console import Group
from rich.live import Live as Screen
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from survey.cli.missed import missed_text
from survey.cli.screen import console, say
from survey.flows.miss_rate import miss_rate
from survey.flows.standing import ScanStatus

EVERY = 5.0
"""Seconds between two lines without a terminal."""

MOST_FAILURES = 5
"""Kinds of failure that are shown."""


class Live:
    """Shows each status of a scan, and says what a person should not miss."""

    def __init__(self) -> None:
        self._screen = Screen(console=console, auto_refresh=False) if console.is_terminal else None
        self._said_at = float("-inf")
        self._optouts, self._reason = 0, ""

    def __enter__(self) -> Self:
        if self._screen is not None:
            self._screen.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._screen is not None:
            self._screen.stop()

    def show(self, status: ScanStatus) -> None:
        """Show one status; an opt-out in force and a pause of the scan's own are lines apart."""
        if status.optouts_obeyed > self._optouts and status.optouts_lag is not None:
            say(
                f"opt-out entry {status.optouts_obeyed} is in force in every worker, "
                f"{status.optouts_lag:.1f} s after it was written"
            )
        if status.reason != self._reason:
            say(f"paused: {status.reason}" if status.reason else "going on")
        self._optouts, self._reason = status.optouts_obeyed, status.reason
        if self._screen is not None:
            self._screen.update(view(status), refresh=True)
        elif time.monotonic() - self._said_at >= EVERY:
            self._said_at = time.monotonic()
            say(f"{status.state.value}: {line(status)}")


def line(status: ScanStatus) -> str:
    """The most important figures."""
    return (
        f"{status.rate:,.0f}/{status.cap:,} packets/s  "
        f"{status.done:,}/{status.planned:,} targets  {status.found:,} found  "
        f"shards {status.committed}/{status.shards}  ETA {_eta(status.eta)}"
    )


def view(status: ScanStatus) -> Group:
    """All figures, for a terminal."""
    facts = Table.grid(padding=(0, 2))
    for name, value in figures(status):
        facts.add_row(Text(name, style="bold"), Text(value))
    if status.reason:
        facts.add_row(Text("paused", style="bold"), Text(status.reason))
    bar = Table.grid()  # a bar by itself ends no line
    bar.add_row(ProgressBar(total=max(1, status.planned), completed=status.done, width=60))
    return Group(Text(f"{status.state.value}: {line(status)}"), bar, facts)


def figures(status: ScanStatus) -> Iterator[tuple[str, str]]:
    """Name and value of all that ``line`` does not say."""
    hits = f" ({status.found / status.sent:.2%})" if status.sent else ""
    yield (
        "answers",
        (
            f"{status.found:,} open{hits}, {status.refused:,} refused, {status.silent:,} silent, "
            f"{status.unreachable:,} unreachable"
        ),
    )
    yield "missed by one look", missed_text(miss_rate([status]))
    yield (
        "conversations",
        (
            f"{status.in_flight:,} connects and conversations in flight, "
            f"{status.conversations:,} conversations done, {status.aborted:,} of them broken off"
        ),
    )
    if status.failures:
        most = sorted(status.failures.items(), key=lambda item: -item[1])
        shown = [f"{count:,} {kind.replace('_', ' ')}" for kind, count in most[:MOST_FAILURES]]
        rest = sum(count for _, count in most[MOST_FAILURES:])
        yield "failures", ", ".join([*shown, *([f"{rest:,} others"] if rest else [])])
    yield (
        "slots",
        (
            f"{status.running} of {status.slots} in use, {status.resting} resting; "
            f"{status.silence:.1f} s since a worker last renewed its lease"
        ),
    )
    yield "handed out again", again(status.retries, status.repeated)
    yield "opt-outs", _optouts(status)
    yield "canary", f"ill for {status.canary_ill} workers" if status.canary_ill else "well"
    if status.checks:
        yield "controls", f"found as they are known, {status.checks:,} times"
    if status.shortages:
        yield "could not send", f"{status.shortages:,} times, for want of ports or descriptors"


def again(shards: int, targets: int) -> str:
    """What may have been sent twice."""
    return f"{shards:,} shards, so at most {targets:,} targets were dialled more than once"


def _optouts(status: ScanStatus) -> str:
    lag = ""
    if status.optouts_lag is not None:
        lag = (
            f"; the newest was in force everywhere after {status.optouts_lag:.1f} s, "
            f"the slowest after {status.optouts_worst_lag:.1f} s"
        )
    return f"{status.optouts_obeyed:,} of {status.optouts:,} in force in every worker{lag}"


def _eta(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"
