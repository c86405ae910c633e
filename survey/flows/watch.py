"""Whom the next run watches: exposures that are open or were lately, cases, listed ones."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pyarrow.parquet as pq

from survey.enrichment.lookup import listings_of
from survey.model.episode import REGRESSION_DAYS, Watch, WatchedFor
from survey.model.followup import Reason
from survey.model.plan import Plan
from survey.storage.followups import read_queue
from survey.storage.layout import Layout, RunLayout
from survey.storage.watched import write_watched
from survey.targets.ranges import RangeSet

CASE_DAYS = 90
"""Days for which a target is watched after somebody was written to about it."""

_CASES = frozenset({Reason.LIFECYCLE, Reason.REVERIFICATION, Reason.WISH})


def watch(layout: Layout, plan: Plan) -> int:
    """Freeze who is watched in a run that is being planned; how many targets.

    What was lost is not watched any more: a scan finds it if it comes back.

    Raises:
        StorageError: A table or a queue is damaged.
    """
    planned, ports = RangeSet.of(plan.ranges), set(plan.ports)
    wanted = {
        one
        for one in (*_exposures(layout, plan), *_cases(layout, plan))
        if one.port in ports and one.ip in planned
    }
    if wanted:
        write_watched(layout.run(plan.campaign, plan.run).watched, wanted)
    return len({(one.ip, one.port) for one in wanted})


def _exposures(layout: Layout, plan: Plan) -> Iterator[Watch]:
    """Open, fixed within the time in which a fix may fail, or still listed."""
    path = layout.episodes(plan.campaign)
    if not path.is_file():
        return
    rows = pq.read_table(path, columns=["ip", "port", "fixed_at", "lost_at", "host"]).to_pylist()
    since = plan.created_at - timedelta(days=REGRESSION_DAYS)
    for row in rows:
        over = row["fixed_at"] or row["lost_at"]
        if over is None or (row["fixed_at"] is not None and over >= since):
            yield Watch(row["ip"], row["port"], WatchedFor.EPISODE)
        elif listings_of(layout, row["ip"], plan.created_at.date(), row["host"]):
            yield Watch(row["ip"], row["port"], WatchedFor.LISTING)


def _cases(layout: Layout, plan: Plan) -> Iterator[Watch]:
    """What letters and operators' wishes are about."""
    since = plan.created_at - timedelta(days=CASE_DAYS)
    for path in sorted(layout.campaign(plan.campaign).glob("*/followups.log")):
        yield from _asked(RunLayout(path.parent), since)


def _asked(run: RunLayout, since: datetime) -> Iterator[Watch]:
    for one in read_queue(run).entries:
        if one.wanted.reason in _CASES and one.queued_at >= since:
            yield Watch(one.wanted.ip, one.wanted.port, WatchedFor.CASE)
