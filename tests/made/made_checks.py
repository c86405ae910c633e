"""Checks as a judgement would leave them, and the walk along them in plain Python.

The walk is written from docs/lifecycle.md, step by step and for one target, so that it can be read;
the survey's own is one query over all of them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import strategies as st

from survey.analysis.episodes import JudgedRun, Lives, write_episodes
from survey.storage.layout import Layout
from survey.storage.schemas import CHECKS, FINDINGS
from survey.targets.ranges import RangeSet

CAMPAIGN = "made"
START = datetime(2026, 1, 5, 6, tzinfo=UTC)


@dataclass(frozen=True)
class Check:
    """One look at one target."""

    number: int
    at: datetime
    state: str
    open_probes: int = 1
    closed_probes: int = 1
    round: int = 0


@dataclass(frozen=True)
class Run:
    """A run, by its place."""

    number: int
    ended_at: datetime | None

    @property
    def name(self) -> str:
        """Its id."""
        return f"R{self.number:03d}"


@dataclass
class Walked:
    """An episode as the walk tells it."""

    opened_at: datetime
    last_open_at: datetime
    opened_as: str = "new"
    before: str | None = None
    closed_before: datetime | None = None
    fixed_at: datetime | None = None
    confirmed_at: datetime | None = None
    lost_at: datetime | None = None
    closing_at: datetime | None = None
    heard: list[Check] = field(default_factory=list)


def lost_after(at: datetime, number: int, runs: Sequence[Run]) -> datetime | None:
    """When a target is lost of which nothing more is heard after ``at`` in run ``number``."""
    silent = 0
    for run in runs:
        if run.number > number and run.ended_at is not None and run.ended_at > at:
            silent += 1
            if silent >= 4 and run.ended_at >= at + timedelta(days=28):
                return run.ended_at
    return None


def walk(  # noqa: C901, PLR0912 - read from top to bottom
    checks: Iterable[Check], runs: Sequence[Run]
) -> list[Walked]:
    """The episodes of one target."""
    told: list[Walked] = []
    now: Walked | None = None
    proven = 0
    last: Check | None = None
    last_closed: datetime | None = None
    first_closed: datetime | None = None
    for check in sorted(checks, key=lambda one: (one.at, one.number, one.round)):
        if check.state == "open":
            proven |= check.open_probes
        elif check.state != "closed" or check.closed_probes & proven != proven:
            continue
        gone = lost_after(last.at, last.number, runs) if last else None
        if gone is not None and gone <= check.at:
            first_closed = None
            if now:
                now.lost_at, now.closing_at, now = gone, None, None
        last = check
        if check.state == "open":
            if now is None:
                now = Walked(check.at, check.at, closed_before=last_closed)
                if told:
                    now.before = "fixed" if told[-1].fixed_at else "lost"
                    fixed = told[-1].fixed_at
                    if fixed and check.at <= fixed + timedelta(days=90):
                        now.opened_as = "regressed"
                told.append(now)
            now.last_open_at, now.closing_at, first_closed = check.at, None, None
        else:
            last_closed = check.at
            if first_closed is None:
                first_closed = check.at
            if now:
                now.closing_at = first_closed
                if check.at.date() > first_closed.date():
                    now.fixed_at, now.confirmed_at, now.closing_at = first_closed, check.at, None
                    now = None
    if now and last:
        now.lost_at = lost_after(last.at, last.number, runs)
        now.closing_at = None if now.lost_at else now.closing_at
    return told


def as_known(episodes: Sequence[Walked], at: datetime) -> list[tuple[object, ...]]:
    """What had been said of them at a moment: opening, fix, loss."""
    return [
        (
            one.opened_at,
            one.opened_as,
            one.fixed_at if one.confirmed_at and one.confirmed_at <= at else None,
            one.lost_at if one.lost_at and one.lost_at <= at else None,
        )
        for one in episodes
        if one.opened_at <= at
    ]


def write_checks(
    folder: Path,
    histories: Sequence[Sequence[Check]],
    runs: Sequence[Run],
    known: Sequence[dict[str, object]] = (),
    kind: str = "proxy",
) -> tuple[Layout, Lives]:
    """Episodes of histories; the n-th is of address n, of which findings know the n-th."""
    layout = Layout(folder / "data")
    judged = []
    for run in runs:
        paths = layout.run(CAMPAIGN, run.name)
        paths.root.mkdir(parents=True, exist_ok=True)
        rows = [
            {
                "campaign": CAMPAIGN,
                "run": run.name,
                "round": one.round,
                "ip": ip,
                "port": 1080,
                "kind": kind,
                "at": one.at,
                "state": one.state,
                "rung": 5 if one.state == "open" else 2,
                "open_probes": one.open_probes if one.state == "open" else 0,
                "closed_probes": one.closed_probes if one.state == "closed" else 0,
            }
            for ip, history in enumerate(histories)
            for one in history
            if one.number == run.number
        ]
        pq.write_table(pa.Table.from_pylist(rows, CHECKS), paths.checks)
        found = [
            _finding(row, kind) | known[row["ip"]]
            for row in rows
            if known and row["state"] == "open"
        ]
        pq.write_table(pa.Table.from_pylist(found, FINDINGS), paths.findings)
        judged.append(JudgedRun(run.name, run.ended_at, paths.checks, paths.findings))
    return layout, write_episodes(layout, CAMPAIGN, judged, RangeSet.of(()), 0)


def _finding(row: dict[str, object], kind: str) -> dict[str, object]:
    """The finding of an open check."""
    return {
        **{name: row[name] for name in ("campaign", "run", "ip", "port", "rung")},
        "probe": "smtp_relay" if kind == "relay" else "socks5",
        "verdict": "open",
        "rule": "made",
        "flags": [],
        "first_seen": row["at"],
        "last_seen": row["at"],
        "variant": "",
        "reply": b"",
        "banner": b"",
    }


@st.composite
def weeks(draw: st.DrawFn, most: int = 14) -> tuple[list[Run], list[list[Check]]]:
    """Weekly runs, some of them missing or not done, and targets with every kind of history."""
    count = draw(st.integers(1, most))
    gaps = draw(st.lists(st.sampled_from((7, 7, 7, 7, 1, 14, 40)), min_size=count, max_size=count))
    done = draw(
        st.lists(st.sampled_from((True, True, True, False)), min_size=count, max_size=count)
    )
    moments = [START + timedelta(days=sum(gaps[:at])) for at in range(count)]
    runs = [
        Run(number, moments[number] + timedelta(hours=12) if done[number] else None)
        for number in range(count)
    ]
    look = st.tuples(
        st.integers(0, count - 1),
        st.sampled_from((0, 0, 0, 1, 2, 9)),
        st.integers(0, 47),
        st.sampled_from(("open", "open", "closed", "closed", "unknown")),
        st.sampled_from((1, 1, 1, 2, 3)),
    )
    histories = []
    for _ in range(draw(st.integers(1, 8))):
        looks = draw(st.lists(look, max_size=2 * count, unique_by=lambda one: (one[0], one[1])))
        histories.append(
            [
                Check(
                    number,
                    moments[number] + timedelta(days=after, minutes=15 * late),
                    state,
                    bits,
                    bits,
                    after,
                )
                for number, after, late, state, bits in looks
            ]
        )
    return runs, histories
