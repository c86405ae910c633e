"""From what a run saw and what arrived at the canary to findings; may be run again at any time."""

from dataclasses import dataclass
from pathlib import Path

from survey.analysis.findings import Material, write_findings
from survey.canary.log import roll
from survey.errors import StorageError
from survey.model.verdict import Verdict
from survey.settings import Settings
from survey.storage.arrivals import arrival_files
from survey.storage.compaction import compact, observation_files
from survey.storage.layout import Layout
from survey.storage.registries import SnapshotKind, in_force
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
        country_snapshot: Registry snapshot used for countries, or None.
        network_snapshot: Registry snapshot used for networks, or None.
        optouts_version: Entries of the opt-out log whose addresses were left out.
    """

    campaign: str
    run: str
    complete: bool
    observations: int
    findings: dict[Verdict, int]
    hosts: dict[Verdict, int]
    country_snapshot: str | None
    network_snapshot: str | None
    optouts_version: int


def judge(settings: Settings, campaign: str, run: str) -> JudgeSummary:
    """Judge a run anew and replace its findings.

    Rolls the canary's log, compacts the observations of a done run, and applies the rules, with
    the registries in force on the day the run began.  Late arrivals count at the next judgement.

    Raises:
        StorageError: There is no such run, or a table is damaged.
        GateClosedError: The opt-out log can't be read, so nobody knows who must be left out.
    """
    layout = Layout(settings.data)
    paths = layout.run(campaign, run)
    if not paths.plan.is_file():
        raise StorageError(f"{paths.root}: there is no such run; see `survey status`")
    plan = load_plan(paths.plan)
    optouts = read_log(Path(plan.optouts))
    roll(layout.arrivals)
    complete = paths.done.exists()
    if complete:
        compact(paths)
    day = plan.created_at.date()
    material = Material(
        campaign=campaign,
        run=run,
        observations=observation_files(paths),
        arrivals=arrival_files(layout),
        country=in_force(layout, SnapshotKind.COUNTRY, day),
        network=in_force(layout, SnapshotKind.NETWORK, day),
        optouts=optouts.ranges,
        optouts_version=optouts.version,
    )
    judged = write_findings(layout, material)
    return JudgeSummary(
        campaign=campaign,
        run=run,
        complete=complete,
        observations=judged.observations,
        findings=judged.findings,
        hosts=judged.hosts,
        country_snapshot=material.country.id if material.country else None,
        network_snapshot=material.network.id if material.network else None,
        optouts_version=optouts.version,
    )
