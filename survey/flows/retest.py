"""``survey retest``: plan and run what is due in a run's queue of follow-ups.

A round is carried out like a scan: the same coordinator, slots, gate, pacing, leases, receipts and
exactly-once commit; kill it at any moment and run it again.
"""

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from survey.cluster.executor import Executor
from survey.errors import ConfigError
from survey.flows.coordinator import OnProgress
from survey.flows.judge import judge
from survey.flows.rounds import plan_round
from survey.flows.scan import ScanSummary, carry_out
from survey.flows.undertaking import round_of
from survey.model.followup import FollowUp, Key, Reason, Wanted
from survey.model.plan import Plan
from survey.model.probe import Probe
from survey.settings import Settings
from survey.storage.followups import drop_followups, queue_followups, read_queue
from survey.storage.layout import Layout, RunLayout
from survey.storage.lock import held
from survey.storage.rounds import load_round, rounds_of, write_round
from survey.targets.plan import plan_hash
from survey.targets.ranges import RangeSet

Carry = Callable[[Plan, RunLayout], None]


@dataclass(frozen=True, slots=True)
class RetestSummary:
    """What one call of retest did with one run; counts only, nothing about a host.

    Attributes:
        campaign: Campaign id.
        run: Run id.
        rounds: Rounds that were carried out, one that was unfinished before included.
        visits: Tests of single targets, by reason.
        planned: Targets of these rounds; = sent + excluded + opted_out.
        sent: Dialled.
        excluded: Kept back by the gate.
        opted_out: Kept back by an opt-out.
        observations: Rows written.
        dropped: Follow-ups that will not be made, by why.
        waiting: Follow-ups that still wait for their time.
        seconds: How long it took.
    """

    campaign: str
    run: str
    rounds: int
    visits: dict[str, int]
    planned: int
    sent: int
    excluded: int
    opted_out: int
    observations: int
    dropped: dict[str, int]
    waiting: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Target:
    """What ``IP[:PORT][/PROBE]`` asks for; None stands for all of the plan."""

    ip: int
    port: int | None = None
    probe: Probe | None = None


def utc_now() -> datetime:
    """The time of day."""
    return datetime.now(UTC)


def retest_due(
    settings: Settings,
    plan: Plan,
    executor: Executor,
    on_progress: OnProgress,
    *,
    now: Callable[[], datetime] = utc_now,
) -> RetestSummary:
    """Finish what was begun, judge the run, and make every follow-up that is due.

    The judgement queues what is wanted by now, and tells which of the queued ones are not any more.

    Raises:
        BusyError: A scan or another retest runs in this data directory.
        StoppedError: It was stopped before its end; the same command resumes it.
        SurveyError: As of ``scan``.
    """

    def choose(run: RunLayout) -> tuple[Iterable[FollowUp], Collection[Key]]:
        wanted = judge(settings, plan.campaign, plan.run).wanted
        return read_queue(run).due(now()), {one.key for one in wanted}

    return _retest(settings, plan, executor, on_progress, choose, now)


def retest_targets(
    settings: Settings,
    plan: Plan,
    targets: Iterable[Target],
    executor: Executor,
    on_progress: OnProgress,
    *,
    reason: Reason = Reason.WISH,
    now: Callable[[], datetime] = utc_now,
) -> RetestSummary:
    """Queue every test of the plan that addresses, ports or probes stand for, and make them now.

    Raises:
        ConfigError: The plan has no such test.
        Others: as of ``retest_due``.
    """
    at = now()
    wanted = tuple(one for target in targets for one in tests_of(plan, target, reason, at))

    def choose(run: RunLayout) -> tuple[Iterable[FollowUp], Collection[Key]]:
        keys = {one.key for one in wanted}
        queue_followups(run, wanted, now())
        mine = [one for one in read_queue(run).waiting if one.wanted.key in keys]
        return mine, keys

    return _retest(settings, plan, executor, on_progress, choose, now)


def tests_of(plan: Plan, target: Target, reason: Reason, now: datetime) -> tuple[Wanted, ...]:
    """Every test of the plan that the target stands for, wanted at once.

    Raises:
        ConfigError: There is none.
    """
    wanted = tuple(
        Wanted(target.ip, port, probe, reason, (), now)
        for port in plan.ports
        for probe in plan.probes_on(port)
        if target.port in {None, port} and target.probe in {None, probe}
    )
    if target.ip not in RangeSet.of(plan.ranges) or not wanted:
        problem = f"{plan.campaign} {plan.run} has no such test in its plan"
        raise ConfigError("TARGET", "", problem, "choose an address, port and probe of the plan")
    return wanted


def _retest(  # noqa: PLR0917 - its two callers' arguments
    settings: Settings,
    plan: Plan,
    executor: Executor,
    on_progress: OnProgress,
    choose: Callable[[RunLayout], tuple[Iterable[FollowUp], Collection[Key]]],
    now: Callable[[], datetime],
) -> RetestSummary:
    layout = Layout(settings.data)
    run = layout.run(plan.campaign, plan.run)
    began = time.monotonic()
    done: list[ScanSummary] = []
    visits: Counter[str] = Counter()
    dropped: Counter[str] = Counter()
    with held(layout.lock):
        for paths in rounds_of(run):
            if not paths.done.exists():
                one = load_round(paths.plan)
                visits.update(str(visit.reason) for visit in one.visits)
                done.append(
                    carry_out(round_of(plan, one, settings), settings, executor, on_progress)
                )
        due, asked_for = choose(run)
        left = list(due)
        while left:
            chosen = plan_round(plan, plan_hash(plan), run, left, asked_for, now())
            for why, numbers in chosen.dropped.items():
                drop_followups(run, numbers, why, now())
                dropped[why] += len(numbers)
            if chosen.round is None:
                break
            write_round(run, chosen.round)
            visits.update(str(visit.reason) for visit in chosen.round.visits)
            done.append(
                carry_out(round_of(plan, chosen.round, settings), settings, executor, on_progress)
            )
            made = {visit.number for visit in chosen.round.visits}
            gone = made.union(*chosen.dropped.values())
            left = [one for one in left if one.number not in gone]
    return RetestSummary(
        campaign=plan.campaign,
        run=plan.run,
        rounds=len(done),
        visits=dict(visits),
        planned=sum(one.planned for one in done),
        sent=sum(one.sent for one in done),
        excluded=sum(one.excluded for one in done),
        opted_out=sum(one.opted_out for one in done),
        observations=sum(one.observations for one in done),
        dropped=dict(dropped),
        waiting=len(read_queue(run).waiting),
        seconds=time.monotonic() - began,
    )
