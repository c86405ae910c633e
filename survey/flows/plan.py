"""From a campaign file to a frozen plan: resume the unfinished run, else begin the next one."""

import hashlib
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from survey.engine.syn.packet_socket import may_open
from survey.enrichment.listed import ranges_listed
from survey.enrichment.lookup import ranges_of
from survey.errors import BusyError, ConfigError, GateClosedError
from survey.flows.importing import import_found
from survey.flows.sharing import fetch
from survey.flows.watch import watch
from survey.model.discovery import Method
from survey.model.plan import Kind, KnownAs, Plan
from survey.settings import Settings
from survey.storage.files import creating
from survey.storage.keys import TOKEN
from survey.storage.layout import Layout, RunLayout
from survey.storage.retention import note_retention
from survey.targets.campaign import Area, Campaign, read_campaign
from survey.targets.optouts import OptOuts, read_log
from survey.targets.plan import freeze, load_plan, plan_to_json
from survey.targets.ranges import RangeSet
from survey.targets.resolve import check_covered, check_named_files, resolve
from survey.targets.summary import Summary, summarise

RUN_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,63}")


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """A run that can be scanned.

    Attributes:
        plan: Its frozen plan.
        path: Where that lies.
        summary: What a person should know about it.
        resumed: Whether it was there before.
    """

    plan: Plan
    path: Path
    summary: Summary
    resumed: bool


def plan_run(
    campaign_path: Path, settings: Settings, run: str | None = None, now: datetime | None = None
) -> PlannedRun:
    """The run of a campaign that a scan should work on.

    Without ``run`` that is the newest one, if it is unfinished, else a new one named after the ISO
    week (UTC).  With ``run`` it is that one, new or not.  If anything is wrong, nothing is left
    behind.

    Raises:
        ConfigError: The campaign is wrong, asks for more than its authority covers, has ended, or
            changed under an unfinished run (the difference is named).
        BusyError: Somebody else began the same run at the same moment.
    """
    moment = now or datetime.now(UTC)
    campaign = read_campaign(campaign_path)
    layout = Layout(settings.data)
    fetch(settings)
    _check_authority(campaign_path, campaign, moment)
    optouts = _read_optouts(campaign_path, campaign, settings)
    check_named_files(campaign_path, campaign)
    stated = _stated(campaign)
    planned = _plans(layout.campaign(campaign.id))
    current = _current(planned, layout, campaign, run)
    if current is None:
        name = run or _next_run(planned, moment)
        plan = _new_plan(
            campaign_path, campaign, layout, run=name, now=moment, optouts=optouts, stated=stated
        )
        watch(layout, plan)
        path = layout.run(campaign.id, name).plan
        _write(path, plan)
    else:
        plan, path = current
        _check_unchanged(campaign_path, plan, stated, _next_run(planned, moment))
    note_retention(layout, campaign.id, campaign.retention.periods)
    summary = summarise(plan, optouts, moment, _missing(layout, settings, plan))
    return PlannedRun(plan, path, summary, resumed=current is not None)


def _check_authority(path: Path, campaign: Campaign, now: datetime) -> None:
    if campaign.valid_until is not None and campaign.valid_until <= now:
        raise ConfigError(
            path,
            "authority.valid_until",
            f"{campaign.valid_until:%Y-%m-%dT%H:%M:%SZ} is over",
            "get the authority renewed, then write its new end",
        )


def _read_optouts(path: Path, campaign: Campaign, settings: Settings) -> OptOuts:
    log = campaign.optouts.path
    if log.resolve().is_relative_to(settings.data.resolve()):
        cure = "keep it apart: it is the organisation's, for all campaigns and data directories"
        raise ConfigError(path, "optouts.path", f"{log} is inside the data directory", cure)
    if not log.exists():
        cure = f"correct the path, or make the log with `survey optout init --log {log}`"
        raise ConfigError(path, "optouts.path", f"{log} is not there", cure)
    try:
        return read_log(log)
    except GateClosedError as error:
        problem, _, cure = str(error).rpartition("; ")
        raise ConfigError(path, "optouts.path", problem, cure) from error


def _stated(campaign: Campaign) -> tuple[tuple[str, str], ...]:
    """What the campaign says, and what the lists that it names hold.

    Exclusion files and opt-outs may grow during a run, so their content is no part of it.
    """
    files = [("targets.lists", file) for file in campaign.targets.lists]
    files += [("discovery.files", file) for file in campaign.discovery.files]
    lists = [(f"{key} {file}", f"sha256 {_sha256(file)[:16]}") for key, file in files]
    return tuple(sorted((*campaign.stated(), *lists)))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _plans(folder: Path) -> list[tuple[Plan, Path]]:
    """All plans of a campaign, oldest first."""
    paths = (RunLayout(run).plan for run in folder.glob("*"))
    plans = [(load_plan(path), path) for path in paths if path.exists()]
    return sorted(plans, key=lambda pair: (pair[0].created_at, pair[0].run))


def _current(
    planned: list[tuple[Plan, Path]], layout: Layout, campaign: Campaign, run: str | None
) -> tuple[Plan, Path] | None:
    """The run to work on, if it is there already."""
    if run is not None:
        if not RUN_ID.fullmatch(run):
            cure = "use letters, digits, dots, hyphens and underscores, at most 64"
            raise ConfigError("--run", "", f"{run[:80]!r} won't do", cure)
        return next((pair for pair in planned if pair[0].run == run), None)
    if planned and not layout.run(campaign.id, planned[-1][0].run).done.exists():
        return planned[-1]
    return None


def _next_run(planned: list[tuple[Plan, Path]], now: datetime) -> str:
    """The ISO week's first free name: ``2026-W48``, ``2026-W48-2``, ..."""
    taken = {plan.run for plan, _ in planned}
    year, week, _ = now.astimezone(UTC).isocalendar()
    first = f"{year}-W{week:02d}"
    names = itertools.chain([first], (f"{first}-{count}" for count in itertools.count(2)))
    return next(name for name in names if name not in taken)


def _new_plan(
    path: Path,
    campaign: Campaign,
    layout: Layout,
    *,
    run: str,
    now: datetime,
    optouts: OptOuts,
    stated: tuple[tuple[str, str], ...],
) -> Plan:
    day = now.astimezone(UTC).date()
    found, snapshots = _registered(layout, campaign.targets, day)
    if campaign.targets.listings:
        listed, more = ranges_listed(layout, campaign.targets.listings, day)
        found, snapshots = found | listed, (*snapshots, *more)
    resolved = resolve(path, campaign, found)
    if campaign.authority is not None:
        covers = campaign.authority.covers
        covered, more = _registered(layout, covers, day)
        check_covered(path, resolved.allowed, covered | RangeSet.of(covers.ranges))
        snapshots = (*snapshots, *more)
    plan = freeze(
        campaign,
        resolved.allowed,
        run=run,
        now=now,
        excluded_by=resolved.excluded_by,
        snapshots=tuple(sorted(set(snapshots))),
        optouts_version=optouts.version,
        stated=stated,
    )
    if plan.discovery.method is Method.IMPORT:
        plan = import_found(campaign, plan, layout.run(campaign.id, run))
    return plan


def _registered(layout: Layout, area: Area, day: date) -> tuple[RangeSet, tuple[str, ...]]:
    """What the registries say about the countries and networks of an area."""
    if not (area.countries or area.networks):
        return RangeSet.of(()), ()
    ranges, snapshots = ranges_of(layout, area.countries, area.networks, day)
    return RangeSet.of(ranges), snapshots


def _check_unchanged(
    path: Path, plan: Plan, stated: tuple[tuple[str, str], ...], free: str
) -> None:
    before, now = dict(plan.stated), dict(stated)
    changes = [
        f"{key} {_shown(before.get(key))} -> {_shown(now.get(key))}"
        for key in sorted(before.keys() | now.keys())
        if before.get(key) != now.get(key)
    ]
    if changes:
        raise ConfigError(
            path,
            "",
            f"changed under run {plan.run}: {', '.join(changes)}",
            f"undo that, or begin another run with --run {free}",
        )


def _shown(value: str | None) -> str:
    if value is None:
        return "(nothing)"
    return value if len(value) <= 80 else f"{value[:77]}..."  # noqa: PLR2004


def _write(path: Path, plan: Plan) -> None:
    try:
        with creating(path) as part:
            part.write_bytes(plan_to_json(plan))
    except FileExistsError as error:
        raise BusyError(f"{path}: somebody planned this run just now; run it again") from error


def _missing(layout: Layout, settings: Settings, plan: Plan) -> tuple[str, ...]:
    """What a scan would lack on this machine, one line each."""
    return tuple(_lacks(layout, settings, plan))


def _lacks(layout: Layout, settings: Settings, plan: Plan) -> Iterator[str]:
    key = settings.keys / f"{TOKEN}.key"
    if not key.exists():
        yield f"the token key {key}: make it with `survey keys init`"
    if not any(layout.arrivals.glob("*.log")):
        yield f"the canary: it has logged nothing in {layout.arrivals}; start `survey canary`"
    if plan.discovery.method is Method.SYN and not may_open():
        yield "CAP_NET_RAW, which every worker needs for SYN discovery; here it is not given"
    known = {control.known_as for control in plan.controls}
    if plan.kind is Kind.SURVEY and (absent := [one for one in KnownAs if one not in known]):
        yield (
            f"controls known to be {', '.join(absent)}: without them an intercepted path is not "
            "noticed (docs/self-checks.md)"
        )
