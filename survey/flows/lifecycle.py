"""From the runs of a campaign to its episodes, and the tests that they want (docs/lifecycle.md)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq

from survey.analysis.episodes import JudgedRun, write_episodes
from survey.errors import ConfigError
from survey.flows.judge import judge
from survey.flows.runs import all_runs
from survey.flows.sharing import exchange, put
from survey.model.episode import LETTER_DAYS, ExposureKind, State, Told
from survey.model.followup import Reason, Wanted
from survey.model.plan import Plan
from survey.settings import Settings
from survey.storage.followups import queue_followups
from survey.storage.layout import Layout, RunLayout
from survey.storage.manifest import read_manifest
from survey.storage.rounds import rounds_of
from survey.targets.optouts import read_log
from survey.targets.ranges import RangeSet

CONFIRM_AFTER = timedelta(days=1)
"""From a first negative check to the second, which must be on another day."""


@dataclass(frozen=True, slots=True)
class LifecycleSummary:
    """What became of a campaign's exposures; counts only, nothing about a host.

    Attributes:
        campaign: Campaign id.
        runs: Runs whose checks count.
        judged: Of these, judged anew for it.
        states: Episodes by state.
        as_of: The last moment whose checks count, UTC; None if there is none.
        confirmations: Second negative checks that were queued now.
    """

    campaign: str
    runs: int
    judged: int
    states: dict[State, int]
    as_of: datetime | None
    confirmations: int


def trace(settings: Settings, campaign: str) -> LifecycleSummary:
    """Make the episodes of a campaign anew.

    Runs that changed since they were judged are judged first, the newest in any case.  A first
    negative check that waits for its second is queued as a follow-up of the newest run.

    Raises:
        ConfigError: The campaign has no run.
        StorageError: A table is damaged.
        GateClosedError: The opt-out log can't be read, so nobody knows who must be left out.
    """
    layout = Layout(settings.data)
    exchange(settings)
    plans = [plan for plan in all_runs(settings) if plan.campaign == campaign]
    if not plans:
        raise ConfigError(
            settings.data, "", f"campaign {campaign!r} has no run", "begin with `survey plan`"
        )
    judged, runs = 0, []
    for plan in plans:
        paths = layout.run(campaign, plan.run)
        if plan is plans[-1] or is_stale(paths):
            judge(settings, campaign, plan.run)
            judged += 1
        if not paths.checks.is_file():
            continue  # its evidence was gone before there were checks
        ended_at = read_manifest(paths).ended_at if paths.done.exists() else None
        runs.append(JudgedRun(plan.run, ended_at, paths.checks, paths.findings))
    optouts = read_log(Path(plans[-1].optouts))
    lives = write_episodes(layout, campaign, runs, optouts.ranges, optouts.version)
    wanted = tuple(_confirmations(layout, plans[-1]))
    newest = layout.run(campaign, plans[-1].run)
    queued = queue_followups(newest, wanted, datetime.now(UTC)) if wanted else ()
    put(settings)
    return LifecycleSummary(
        campaign=campaign,
        runs=len(runs),
        judged=judged,
        states=lives.states,
        as_of=lives.as_of,
        confirmations=len(queued),
    )


def is_stale(paths: RunLayout) -> bool:
    """Whether something was committed since the run was judged, or it never was."""
    if not paths.checks.is_file():
        return True
    judged_at = paths.checks.stat().st_mtime_ns
    return any(
        one.manifest.exists() and one.manifest.stat().st_mtime_ns > judged_at
        for one in (paths, *rounds_of(paths))
    )


def follow_letters(
    settings: Settings, campaign: str, run: str, told: Iterable[Told], now: datetime | None = None
) -> int:
    """Queue the tests of days 1, 3, 7, 14 and 30 after letters; how many were added.

    May be called again with the same letters: nothing is queued twice.

    Args:
        settings: Where things are.
        campaign: Campaign id.
        run: The run whose finding was written about; its plan's gate and limits count.
        told: Which targets, and when each letter was sent.
        now: UTC; this moment if not given.

    Raises:
        ConfigError: There is no such run.
        StorageError: The queue can't be written.
    """
    fitting = [plan for plan in all_runs(settings) if (plan.campaign, plan.run) == (campaign, run)]
    if not fitting:
        raise ConfigError(settings.data, "", f"no run {campaign}/{run}", "see `survey status`")
    wanted = [
        one
        for letter in told
        for days in LETTER_DAYS
        for one in _tests(
            fitting[0], letter.ip, letter.port, letter.kind, letter.sent_at + timedelta(days=days)
        )
    ]
    paths = Layout(settings.data).run(campaign, run)
    return len(queue_followups(paths, wanted, now or datetime.now(UTC)))


def _confirmations(layout: Layout, plan: Plan) -> Iterator[Wanted]:
    """The second negative checks that the episodes wait for, as far as the plan has the target."""
    planned = RangeSet.of(plan.ranges)
    rows = pq.read_table(
        layout.episodes(plan.campaign),
        columns=["ip", "port", "kind", "closing_at"],
        filters=pc.field("closing_at").is_valid(),
    )
    for row in rows.to_pylist():
        if row["ip"] in planned:
            not_before = row["closing_at"] + CONFIRM_AFTER
            yield from _tests(plan, row["ip"], row["port"], ExposureKind(row["kind"]), not_before)


def _tests(
    plan: Plan, ip: int, port: int, kind: ExposureKind, not_before: datetime
) -> Iterator[Wanted]:
    """Every test of a kind that the plan makes on a port: each must refuse before it is closed."""
    for probe in plan.probes_on(port):
        if probe.is_relay is (kind is ExposureKind.RELAY):
            yield Wanted(ip, port, probe, Reason.LIFECYCLE, (), not_before)
