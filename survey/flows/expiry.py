"""What of a data directory is past its period, table by table; nothing is touched here."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from functools import partial
from pathlib import Path

import pyarrow.parquet as pq

from survey.canary.forgetting import (
    count_events,
    count_with_bytes,
    forget_bytes,
    forget_day,
    is_written,
    log_days,
)
from survey.canary.server import POSTMASTER
from survey.flows.expiry_of_runs import expired_by_latest, expired_of_run, expired_rows
from survey.flows.removal import Removal, doing
from survey.model.retention import Retention, Why
from survey.storage.audit import rewrite_audit
from survey.storage.files import replace_text
from survey.storage.layout import Layout, RunLayout
from survey.storage.listing_checks import check_files
from survey.storage.registries import (
    DESCRIPTION,
    Snapshot,
    SnapshotKind,
    describe,
    list_snapshots,
)
from survey.storage.rewriting import no_rows, rewrite

LEFT_FOR = timedelta(days=1)
"""A temporary file that nobody touched for so long belongs to a process that died."""


@dataclass(frozen=True, slots=True)
class Periods:
    """How long rows are kept.

    Attributes:
        own: Each campaign's, of what is its own.
        shared: The longest of them, of what all campaigns share; None if some campaign with a run
            here never said how long, so that nobody knows.
    """

    own: Mapping[str, Retention]
    shared: Retention | None


def expired(layout: Layout, periods: Periods, now: datetime) -> Iterator[Removal]:
    """Everything whose period is over, and what dead processes left."""
    for campaign, keep in sorted(periods.own.items()):
        for plan in sorted(layout.campaign(campaign).glob("*/plan.json")):
            yield from expired_of_run(layout, RunLayout(plan.parent), keep, now)
        for path in sorted(layout.campaign(campaign).glob("*.parquet")):
            yield from expired_by_latest(layout, path, now - timedelta(days=keep.findings))
    if periods.shared is not None:
        yield from _shared(layout, periods.shared, now)
    yield from _leftovers(layout, now)


def _shared(layout: Layout, keep: Retention, now: datetime) -> Iterator[Removal]:
    yield from _arrivals(layout, keep, now)
    yield from _snapshots(layout, keep, now)
    for path in check_files(layout):
        before = now - timedelta(days=keep.findings)
        yield from expired_rows(layout, "listing_checks", path, "asked_at", before)
    if layout.contact_answers.is_file():
        before = now - timedelta(days=keep.contacts)
        answers = layout.contact_answers
        yield from expired_rows(layout, "contact_answers", answers, "asked_at", before)
    mail = layout.arrivals / POSTMASTER
    yield from _files(layout, "postmaster", mail, now - timedelta(days=keep.mail))
    for name in ("reports", "letters"):
        before = now - timedelta(days=keep.reports)
        yield from _files(layout, name, layout.root / name, before)
    yield from _audit(layout, now - timedelta(days=keep.audit))


def _arrivals(layout: Layout, keep: Retention, now: datetime) -> Iterator[Removal]:
    for day, log in log_days(layout.arrivals):
        ended = datetime.combine(day + timedelta(days=1), time(), UTC)
        where = str(log.relative_to(layout.root))
        if is_written(day, now):
            continue
        if ended <= now - timedelta(days=keep.arrivals):
            if rows := count_events(log):
                step = partial(forget_day, log)
                yield Removal("arrivals", Why.EXPIRED, where, 2, rows, doing(step))
        elif ended <= now - timedelta(days=keep.evidence) and (rows := count_with_bytes(log)):
            step = partial(forget_bytes, log)
            yield Removal("arrivals", Why.EVIDENCE, where, 2, rows, doing(step))


def _snapshots(layout: Layout, keep: Retention, now: datetime) -> Iterator[Removal]:
    for kind in SnapshotKind:
        every = list_snapshots(layout, kind)
        match kind:
            case SnapshotKind.CONTACT:
                name, days = "contacts", keep.contacts
            case SnapshotKind.LISTING:
                name, days = "listing snapshots", keep.listings
            case _:
                name, days = "registries", keep.registries
        for at, one in enumerate(every):
            since = one.retrieved_at
            if name == "registries":
                # it was in force until the next one came, and the newest still is
                after = every[at + 1 :]
                since = after[0].retrieved_at if after else now
            if since < now - timedelta(days=days):
                yield from _snapshot(layout, name, one, now)


def _snapshot(layout: Layout, name: str, one: Snapshot, now: datetime) -> Iterator[Removal]:
    tables = [path for path in (one.table, one.names) if path.is_file()]
    rows = sum(pq.read_metadata(path).num_rows for path in tables)
    if rows:
        note = f"its rows were purged on {now:%Y-%m-%d}"
        said = describe(replace(one, notes=(*one.notes, note)))
        folder = one.table.parent
        steps = (
            partial(replace_text, folder / DESCRIPTION, said),
            *(partial(rewrite, path, no_rows) for path in tables),
        )
        where = str(folder.relative_to(layout.root))
        yield Removal(name, Why.EXPIRED, where, len(tables), rows, doing(*steps))


def _files(layout: Layout, name: str, folder: Path, before: datetime) -> Iterator[Removal]:
    old = [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.stat().st_mtime < before.timestamp()
    ]
    if old:
        where = str(folder.relative_to(layout.root))
        steps = (partial(path.unlink, missing_ok=True) for path in old)
        yield Removal(name, Why.EXPIRED, where, len(old), len(old), doing(*steps))


def _audit(layout: Layout, before: datetime) -> Iterator[Removal]:
    if not layout.audit.is_file():
        return
    lines = layout.audit.read_bytes().splitlines()
    if old := sum(_written_before(line, before) for line in lines):

        def change(line: bytes) -> bytes | None:
            return None if _written_before(line, before) else line

        step = partial(rewrite_audit, layout, change)
        yield Removal("audit", Why.EXPIRED, layout.audit.name, 1, old, doing(step))


def _written_before(line: bytes, before: datetime) -> bool:
    try:
        return datetime.fromisoformat(json.loads(line)["at"]) < before
    except (ValueError, KeyError, TypeError):
        return False


def _leftovers(layout: Layout, now: datetime) -> Iterator[Removal]:
    old = (now - LEFT_FOR).timestamp()
    found = [*layout.root.rglob("*.part"), *layout.scratch.rglob("*")]
    found += layout.campaigns.glob("*/*/scratch-*/*")
    left = sorted({path for path in found if path.is_file() and path.stat().st_mtime < old})
    if left:
        steps = (partial(path.unlink, missing_ok=True) for path in left)
        yield Removal("scratch", Why.LEFTOVER, ".", len(left), len(left), doing(*steps))
