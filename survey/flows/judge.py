"""From what a run saw and what arrived at the canary to findings; may be run again at any time."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from survey.analysis.findings import Material, stored_verdicts, write_findings
from survey.analysis.judged_with import judged_with
from survey.canary.log import roll
from survey.errors import StorageError
from survey.flows.sharing import exchange, put
from survey.model.followup import Wanted
from survey.model.plan import Depth, Plan
from survey.model.verdict import Verdict
from survey.probes.messages import MOST_MESSAGES
from survey.settings import Settings
from survey.storage.arrivals import arrival_files
from survey.storage.compaction import compact, observation_files
from survey.storage.followups import queue_followups
from survey.storage.layout import Layout
from survey.storage.messages import all_messages
from survey.storage.registries import chosen_registries
from survey.storage.rounds import every_receipt
from survey.targets.optouts import read_log
from survey.targets.plan import load_plan


@dataclass(frozen=True, slots=True)
class JudgeSummary:
    """What a judgement came to.  Counts only, nothing about a host.

    Attributes:
        campaign: Campaign id.
        run: Run id.
        complete: Every shard of the run was committed; else the verdicts are provisional.
        observations: Rows that were judged.
        findings: (address, port, probe) by verdict.
        hosts: Addresses by verdict: open, then suspected, then unknown, and closed if all are.
        snapshots: Ids of the registry snapshots that some row was joined with.
        optouts_version: Entries of the opt-out log whose addresses were left out.
        wanted: Later tests that would settle a doubt; those not queued yet are now.
        evidence: Whether there was evidence to judge by; if not, its period is over, and the
            verdicts stay as they were judged.
    """

    campaign: str
    run: str
    complete: bool
    observations: int
    findings: dict[Verdict, int]
    hosts: dict[Verdict, int]
    snapshots: tuple[str, ...]
    optouts_version: int
    wanted: tuple[Wanted, ...]
    evidence: bool = True


def judge(
    settings: Settings, campaign: str, run: str, registries: tuple[str, ...] = ()
) -> JudgeSummary:
    """Judge a run anew and replace its findings.

    Rolls the canary's log, compacts the observations of a done run, and applies the rules, with
    the registries in force on the day of each observation.  Late arrivals count at the next
    judgement.
    What a later test would settle is queued as a follow-up (docs/followups.md).

    Args:
        settings: Where things are.
        campaign: Campaign id.
        run: Run id.
        registries: Instead: a day, whose registries shall be used for all rows, or ids of
            snapshots, each instead of its kind's.  The same day or ids give the same rows.

    Raises:
        ConfigError: ``registries`` names no day, no snapshot, or two of one kind.
        StorageError: There is no such run, or a table is damaged.
        GateClosedError: The opt-out log can't be read, so nobody knows who must be left out.
    """
    layout = Layout(settings.data)
    exchange(settings)
    choose = chosen_registries(layout, registries)
    paths = layout.run(campaign, run)
    if not paths.plan.is_file():
        raise StorageError(f"{paths.root}: there is no such run; see `survey status`")
    plan = load_plan(paths.plan)
    optouts = read_log(Path(plan.optouts))
    if not all(one.evidence for one in every_receipt(paths)):
        return _as_judged(layout, plan, optouts.version, again=bool(registries))
    roll(layout.arrivals)
    complete = paths.done.exists()
    if complete:
        compact(paths)
    material = Material(
        campaign=campaign,
        run=run,
        observations=observation_files(paths),
        arrivals=arrival_files(layout),
        optouts=optouts.ranges,
        optouts_version=optouts.version,
        waits=plan.waits,
        several_sources=len(plan.identity.source_addresses) > 1,
        depth=next((part.depth for part in plan.probes if part.probe.is_relay), Depth.STANDARD),
        probes=plan.probes,
        registries=choose,
    )
    judged = write_findings(layout, material)
    wanted = tuple(_possible(judged.wanted, all_messages(paths)))
    queue_followups(paths, wanted, datetime.now(UTC))
    put(settings)
    return JudgeSummary(
        campaign=campaign,
        run=run,
        complete=complete,
        observations=judged.observations,
        findings=judged.findings,
        hosts=judged.hosts,
        snapshots=tuple(one.id for one in judged.snapshots),
        optouts_version=optouts.version,
        wanted=wanted,
    )


def _as_judged(layout: Layout, plan: Plan, optouts_version: int, *, again: bool) -> JudgeSummary:
    """What was judged while the evidence was there (law 10: it has gone since)."""
    paths = layout.run(plan.campaign, plan.run)
    gone = f"{plan.campaign} {plan.run}: its evidence was kept for its period and is gone"
    if not (paths.findings.is_file() and paths.hosts.is_file()):
        raise StorageError(f"{gone}; it was never judged, and can't be any more")
    if again:
        raise StorageError(f"{gone}; its verdicts can't be joined with other registries any more")
    return JudgeSummary(
        campaign=plan.campaign,
        run=plan.run,
        complete=paths.done.exists(),
        observations=sum(one.kept for one in every_receipt(paths)),
        findings=stored_verdicts(paths.findings),
        hosts=stored_verdicts(paths.hosts),
        snapshots=tuple(one.id for one in judged_with(layout, plan).every),
        optouts_version=optouts_version,
        wanted=(),
        evidence=False,
    )


def _possible(wanted: Iterable[Wanted], sent: Mapping[int, int]) -> Iterator[Wanted]:
    """What may still be made in this run: a host that had its messages gets no further one."""
    for one in wanted:
        if not (one.probe.is_relay and sent.get(one.ip, 0) >= MOST_MESSAGES):
            yield one
