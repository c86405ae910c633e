"""What of a run is past its period: shards, rounds, queue, messages, found targets, verdicts."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from survey.analysis.counts import write_counts
from survey.errors import StorageError
from survey.flows.removal import Removal, doing
from survey.model.followup import FollowUp
from survey.model.retention import Retention, Why
from survey.storage.compaction import compact
from survey.storage.followups import count_followups, forget_followups
from survey.storage.layout import Layout, RunLayout
from survey.storage.manifest import read_manifest, shard_files, write_manifest
from survey.storage.rewriting import Change, Changed, count_changes, no_rows, rewrite, without_bytes
from survey.storage.rounds import (
    every_receipt,
    forget_visits,
    is_forgotten,
    load_round,
    rounds_of,
)
from survey.storage.shard_file import purge_shard
from survey.targets.plan import load_plan

_BARE = without_bytes("reply", "received", "sent")
_BARE_FINDINGS = without_bytes("reply", "banner")
_EVIDENCE = b"survey.evidence"
_OF_SCANS = {"observations", "findings", "hosts", "found", "counts"}


def expired_of_run(
    layout: Layout, run: RunLayout, keep: Retention, now: datetime
) -> Iterator[Removal]:
    """Everything of one run whose period is over."""
    for paths in (run, *rounds_of(run)):
        yield from _shards(layout, run, paths, keep, now)
    ended = _ended(run)
    last_seen = now - timedelta(days=keep.observations)
    evidence = now - timedelta(days=keep.evidence)
    if run.found.is_file() and run.done.exists() and ended < evidence:
        yield from _rows(layout, "found", run.found, no_rows, Why.EXPIRED)
    if ended < last_seen:
        yield from _messages(layout, run)
    yield from _followups(layout, run, last_seen)
    yield from _verdicts(layout, run, keep, now, ended)


def expired_rows(
    layout: Layout, name: str, path: Path, column: str, before: datetime
) -> Iterator[Removal]:
    """Rows of a table whose time is before a moment; a row without a time stays."""
    yield from _rows(layout, name, path, _older(column, before), Why.EXPIRED)


def expired_by_latest(layout: Layout, path: Path, before: datetime) -> Iterator[Removal]:
    """Rows of a table of a campaign, each as old as the latest of its times."""
    times = [one.name for one in pq.read_schema(path) if pa.types.is_timestamp(one.type)]
    if times:
        yield from _rows(layout, path.stem, path, _all_older(times, before), Why.EXPIRED)


def _shards(
    layout: Layout, run: RunLayout, paths: RunLayout, keep: Retention, now: datetime
) -> Iterator[Removal]:
    rows_until = now - timedelta(days=keep.observations)
    bytes_until = now - timedelta(days=keep.evidence)
    held = [(path, one) for path, one in shard_files(paths).shards if one.kept]
    gone = [(path, one) for path, one in held if one.finished_at < rows_until]
    bare = [
        (path, one)
        for path, one in held
        if one.evidence and rows_until <= one.finished_at < bytes_until
    ]
    for why, some, change in ((Why.EXPIRED, gone, no_rows), (Why.EVIDENCE, bare, _BARE)):
        if some:
            yield Removal(
                "observations",
                why,
                str(paths.shards.relative_to(layout.root)),
                len(some),
                sum(one.kept for _, one in some),
                doing(partial(_purge_shards, run, paths, [path for path, _ in some], change)),
                alone=not paths.done.exists(),
            )
    if not gone and not bare and _is_behind(run, paths):
        yield Removal(
            "observations",
            Why.LEFTOVER,
            str(run.observations.relative_to(layout.root)),
            1,
            pq.read_metadata(run.observations).num_rows,
            doing(partial(_after, run, paths)),
        )


def _is_behind(run: RunLayout, paths: RunLayout) -> bool:
    """Whether the compacted file has rows that its shards lost: a purge died before it."""
    if paths is not run or not (run.observations.is_file() and run.done.exists()):
        return False
    kept = sum(one.kept for one in read_manifest(run).receipts())
    return bool(pq.read_metadata(run.observations).num_rows > kept)


def _purge_shards(run: RunLayout, paths: RunLayout, files: list[Path], change: Change) -> None:
    for path in files:
        purge_shard(path, change, evidence=False)
    _after(run, paths)


def _after(run: RunLayout, paths: RunLayout) -> None:
    """What was made of the shards is made again."""
    if paths.manifest.exists():
        write_manifest(paths, read_manifest(paths).receipts())
    if paths is run and run.observations.exists() and run.done.exists():
        compact(run)


def _ended(run: RunLayout) -> datetime:
    """The end of the last shard of a run, rounds included; when it was planned, if it has none."""
    receipts = every_receipt(run)
    return max((one.finished_at for one in receipts), default=load_plan(run.plan).created_at)


def _messages(layout: Layout, run: RunLayout) -> Iterator[Removal]:
    for paths in (run, *rounds_of(run)):
        folder = paths.messages(0).parent
        files = sorted(folder.glob("shard-*.log"))
        if files:
            lines = sum(path.read_bytes().count(b";") for path in files)
            where = str(folder.relative_to(layout.root))
            steps = (partial(path.unlink, missing_ok=True) for path in files)
            yield Removal(
                "messages",
                Why.EXPIRED,
                where,
                len(files),
                lines,
                doing(*steps),
                alone=not paths.done.exists(),
            )


def _followups(layout: Layout, run: RunLayout, before: datetime) -> Iterator[Removal]:
    def old(one: FollowUp) -> bool:
        return one.queued_at < before

    if lines := count_followups(run, old):
        where = str(run.followups.relative_to(layout.root))
        yield Removal(
            "followups", Why.EXPIRED, where, 1, lines, doing(partial(forget_followups, run, old))
        )
    for paths in rounds_of(run):
        one = load_round(paths.plan)
        visits = sum(not is_forgotten(visit) for visit in one.visits)
        if one.created_at < before and visits:
            step = partial(forget_visits, paths.plan, lambda _: True)
            where = str(paths.plan.relative_to(layout.root))
            yield Removal(
                "rounds",
                Why.EXPIRED,
                where,
                1,
                visits,
                doing(step),
                alone=not paths.done.exists(),
            )


def _verdicts(
    layout: Layout, run: RunLayout, keep: Retention, now: datetime, ended: datetime
) -> Iterator[Removal]:
    if ended < now - timedelta(days=keep.findings):
        held = [
            (name, path, rows)
            for name, path in _tables(run)
            if path.is_file() and (rows := pq.read_metadata(path).num_rows)
        ]
        for name, path, rows in held:
            where = str(path.relative_to(layout.root))
            steps = doing(partial(write_counts, run), partial(rewrite, path, no_rows))
            yield Removal(name, Why.EXPIRED, where, 1, rows, steps)
    elif ended < now - timedelta(days=keep.evidence) and run.findings.is_file():
        metadata = pq.read_metadata(run.findings)
        if metadata.num_rows and _EVIDENCE not in (metadata.metadata or {}):
            step = partial(rewrite, run.findings, _BARE_FINDINGS, {_EVIDENCE: b"gone"})
            where = str(run.findings.relative_to(layout.root))
            yield Removal("findings", Why.EVIDENCE, where, 1, metadata.num_rows, doing(step))


def _tables(run: RunLayout) -> tuple[tuple[str, Path], ...]:
    """Everything that was made of a run and names hosts, verdicts first."""
    others = (path for path in sorted(run.root.glob("*.parquet")) if path.stem not in _OF_SCANS)
    return (
        ("findings", run.findings),
        ("hosts", run.hosts),
        *((path.stem, path) for path in others),
    )


def _rows(layout: Layout, name: str, path: Path, change: Change, why: Why) -> Iterator[Removal]:
    try:
        gone, _ = count_changes(path, change)
    except StorageError:
        return  # damaged: nobody can read it, and whoever makes it again replaces it
    if gone:
        where = str(path.relative_to(layout.root))
        yield Removal(name, why, where, 1, gone, doing(partial(rewrite, path, change)))


def _older(column: str, before: datetime) -> Change:
    return _all_older([column], before)


def _all_older(columns: list[str], before: datetime) -> Change:
    def change(table: pa.Table) -> Changed:
        times = [table[name].to_pylist() for name in columns]
        latest = [
            max((at for at in row if at is not None), default=None)
            for row in zip(*times, strict=True)
        ]
        keep = pa.array([at is None or at >= before for at in latest], pa.bool_())
        rows = table.filter(keep)
        return Changed(rows, table.num_rows - rows.num_rows, 0)

    return change
