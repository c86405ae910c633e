"""Everything in a data directory that names some addresses, in whatever form.

Nothing is touched here.
"""

import email
import email.policy
import zipfile
from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from survey.canary.forgetting import count_named, forget_addresses, is_written, log_days
from survey.canary.server import POSTMASTER
from survey.errors import BusyError
from survey.flows.removal import Removal, doing
from survey.model.followup import FollowUp, Visit
from survey.model.retention import Why
from survey.reports.feeds.manifest import NAME as MANIFEST
from survey.storage.audit import rewrite_audit
from survey.storage.compaction import purge_compacted
from survey.storage.erasing import erasing
from survey.storage.followups import count_followups, forget_followups
from survey.storage.found import Indices, count_found, forget_found
from survey.storage.layout import Layout, RunLayout
from survey.storage.listing_checks import check_files
from survey.storage.lock import held
from survey.storage.manifest import read_manifest, shard_files, write_manifest
from survey.storage.mentions import names_any, without_names
from survey.storage.messages import count_messages, forget_messages
from survey.storage.registries import SnapshotKind, list_snapshots
from survey.storage.rewriting import count_changes, rewrite
from survey.storage.rounds import forget_visits, load_round, rounds_of
from survey.storage.shard_file import purge_shard
from survey.targets.plan import load_plan
from survey.targets.ranges import RangeSet
from survey.targets.shards import addresses_at

_NOT_HERE = {"observations", "found", "counts"}
"""Tables of a run that are not plain rows about addresses."""


def naming(
    layout: Layout, addresses: RangeSet, now: datetime, wished_at: datetime | None = None
) -> Iterator[Removal]:
    """Everything that names one of the addresses.

    Args:
        layout: The data directory.
        addresses: Whom to forget.
        now: UTC.
        wished_at: When it was last asked for (UTC); ``now`` if not given.  What was sealed for
            somebody else's key after that was made without them.
    """
    if not addresses.size:
        return
    for plan in sorted(layout.campaigns.glob("*/*/plan.json")):
        yield from _run(layout, RunLayout(plan.parent), addresses)
    tables = [*sorted(layout.campaigns.glob("*/*.parquet")), *check_files(layout)]
    for kind in (SnapshotKind.CONTACT, SnapshotKind.LISTING):
        for one in list_snapshots(layout, kind):
            tables += [path for path in (one.table, one.names) if path.is_file()]
    if layout.contact_answers.is_file():
        tables.append(layout.contact_answers)
    for path in tables:
        yield from _table(layout, path, addresses)
    for day, log in log_days(layout.arrivals):
        if rows := count_named(log, addresses):
            written = is_written(day, now) and not _is_idle(layout)
            step = partial(forget_addresses, log, addresses, written=written)
            where = str(log.relative_to(layout.root))
            yield Removal("arrivals", Why.ERASED, where, 2, rows, step)
    yield from _reports(layout, addresses)
    for name, folder in (
        ("postmaster", layout.arrivals / POSTMASTER),
        ("reports", layout.root / "reports"),
        ("letters", layout.root / "letters"),
    ):
        files = (one for one in sorted(folder.rglob("*")) if one.is_file() and not _reported(one))
        yield from _files(layout, name, files, addresses, wished_at or now)
    yield from _audit(layout, addresses)


def plans_naming(layout: Layout, addresses: RangeSet) -> tuple[str, ...]:
    """Plans in which one of the addresses is the first or last of a range: those stay."""
    found = []
    for path in sorted(layout.campaigns.glob("*/*/plan.json")):
        edges = {edge for part in load_plan(path).ranges for edge in (part.start, part.end)}
        if any(edge in addresses for edge in edges):
            found.append(str(path.relative_to(layout.root)))
    return tuple(found)


def _run(layout: Layout, run: RunLayout, addresses: RangeSet) -> Iterator[Removal]:
    yield from _shards(layout, run, run, addresses)
    yield from _messages(layout, run, addresses)
    for paths in rounds_of(run):
        yield from _shards(layout, run, paths, addresses)
        yield from _messages(layout, paths, addresses)
        yield from _visits(layout, paths, addresses)
    change = erasing(addresses)
    if run.observations.is_file() and (rows := sum(count_changes(run.observations, change))):
        step = partial(purge_compacted, run, change)
        where = str(run.observations.relative_to(layout.root))
        yield Removal("observations", Why.ERASED, where, 1, rows, doing(step))
    if run.found.is_file():
        yield from _found(layout, run, addresses)
    yield from _followups(layout, run, addresses)
    for path in sorted(run.root.glob("*.parquet")):
        if path.stem not in _NOT_HERE:
            yield from _table(layout, path, addresses)


def _messages(layout: Layout, paths: RunLayout, addresses: RangeSet) -> Iterator[Removal]:
    folder = paths.messages(0).parent
    counts = {path: count_messages(path, addresses) for path in sorted(folder.glob("*.log"))}
    logs = [path for path, lines in counts.items() if lines]
    if logs:
        where = str(folder.relative_to(layout.root))
        steps = (partial(forget_messages, path, addresses) for path in logs)
        lines = sum(counts.values())
        yield Removal("messages", Why.ERASED, where, len(logs), lines, doing(*steps))


def _visits(layout: Layout, paths: RunLayout, addresses: RangeSet) -> Iterator[Removal]:
    def about(visit: Visit) -> bool:
        return visit.ip in addresses

    if visits := sum(map(about, load_round(paths.plan).visits)):
        where = str(paths.plan.relative_to(layout.root))
        step = doing(partial(forget_visits, paths.plan, about))
        alone = not paths.done.exists()
        yield Removal("rounds", Why.ERASED, where, 1, visits, step, alone=alone)


def _followups(layout: Layout, run: RunLayout, addresses: RangeSet) -> Iterator[Removal]:
    def about(one: FollowUp) -> bool:
        return one.wanted.ip in addresses

    if lines := count_followups(run, about):
        where = str(run.followups.relative_to(layout.root))
        step = partial(forget_followups, run, about)
        yield Removal("followups", Why.ERASED, where, 1, lines, doing(step))


def _shards(
    layout: Layout, run: RunLayout, paths: RunLayout, addresses: RangeSet
) -> Iterator[Removal]:
    change = erasing(addresses)
    counts = {path: sum(count_changes(path, change)) for path in shard_files(paths).files()}
    files = [path for path, rows in counts.items() if rows]

    def carry_out() -> None:
        for path in files:
            purge_shard(path, change)
        if paths.manifest.exists():
            write_manifest(paths, read_manifest(paths).receipts())
        if paths is run:
            purge_compacted(run, change)

    if files:
        where = str(paths.shards.relative_to(layout.root))
        yield Removal(
            "observations",
            Why.ERASED,
            where,
            len(files),
            sum(counts.values()),
            doing(carry_out),
            alone=not paths.done.exists(),
        )


def _found(layout: Layout, run: RunLayout, addresses: RangeSet) -> Iterator[Removal]:
    """Before the run is done its workers need the table as it was planned; the gate says no."""
    plan = load_plan(run.plan)

    def about(indices: Indices) -> NDArray[np.bool_]:
        return addresses.contains(addresses_at(plan, indices))

    if run.done.exists() and (rows := count_found(run.found, about)):
        step = partial(forget_found, run.found, about)
        where = str(run.found.relative_to(layout.root))
        yield Removal("found", Why.ERASED, where, 1, rows, doing(step))


def _table(layout: Layout, path: Path, addresses: RangeSet) -> Iterator[Removal]:
    change = erasing(addresses)
    if rows := sum(count_changes(path, change)):
        where = str(path.relative_to(layout.root))
        step = partial(rewrite, path, change)
        yield Removal(_name(layout, path), Why.ERASED, where, 1, rows, doing(step))


def _name(layout: Layout, path: Path) -> str:
    parts = path.relative_to(layout.root).parts
    names = {
        "registries": "registries",
        "listings": "listing_checks",
        "contacts": "contact_answers",
    }
    return names.get(parts[0], path.stem)


def _reports(layout: Layout, addresses: RangeSet) -> Iterator[Removal]:
    """Reports whose lists name one of them: its pages count it, so they go as well."""
    for manifest in sorted((layout.root / "reports").rglob(MANIFEST)):
        files = sorted(path for path in manifest.parent.iterdir() if path.is_file())
        named = [path for path in files if _names(path, addresses)]
        if named:
            others = [path for path in files if path != manifest and path not in named]
            # broken off, what names it is still found; and without a manifest it is no report
            steps = [partial(path.unlink, missing_ok=True) for path in (*others, manifest, *named)]
            where = str(manifest.parent.relative_to(layout.root))
            yield Removal("reports", Why.ERASED, where, len(files), len(named), doing(*steps))


def _reported(path: Path) -> bool:
    """Whether it belongs to a whole report, with which it goes."""
    return (path.parent / MANIFEST).is_file()


def _files(
    layout: Layout, name: str, files: Iterable[Path], addresses: RangeSet, wished_at: datetime
) -> Iterator[Removal]:
    for path in files:
        if _is_sealed(path, wished_at) or _names(path, addresses):
            where = str(path.parent.relative_to(layout.root))  # a letter's name says the address
            step = partial(path.unlink, missing_ok=True)
            yield Removal(name, Why.ERASED, where, 1, 1, doing(step))


def _names(path: Path, addresses: RangeSet) -> bool:
    return names_any(path.name.encode(), addresses) or any(
        names_any(text, addresses) for text in texts(path)
    )


def _is_sealed(path: Path, wished_at: datetime) -> bool:
    """Whether it may name them and can't be read here: it waits, sealed for an agency's key."""
    if path.stat().st_mtime > wished_at.timestamp():
        return False
    if path.suffix == ".eml":
        with path.open("rb") as file:
            return b"multipart/encrypted" in file.read(1 << 12)
    return path.suffix == ".pgp"


def texts(path: Path) -> Iterator[bytes]:
    """What is written in a file: as it lies there, decoded, or unpacked."""
    data = path.read_bytes()
    yield data
    if path.suffix == ".eml":
        message = email.message_from_bytes(data, policy=email.policy.default)
        for part in message.walk():
            if not part.is_multipart():
                content = part.get_payload(decode=True)
                yield content if isinstance(content, bytes) else b""
    elif path.suffix == ".parquet":
        for batch in pq.ParquetFile(path).iter_batches():
            yield repr(batch.to_pylist()).encode()
    elif zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():
                yield archive.read(entry)


def _audit(layout: Layout, addresses: RangeSet) -> Iterator[Removal]:
    if layout.audit.is_file():
        lines = layout.audit.read_bytes().splitlines()
        if named := sum(names_any(line, addresses) for line in lines):
            step = partial(rewrite_audit, layout, lambda line: without_names(line, addresses))
            yield Removal("audit", Why.ERASED, layout.audit.name, 1, named, doing(step))


def _is_idle(layout: Layout) -> bool:
    """Whether no canary writes here now."""
    lock = layout.arrivals / "canary.lock"
    if not lock.exists():
        return True
    try:
        with held(lock):
            return True
    except BusyError:
        return False
