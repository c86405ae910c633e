"""Which run a report is about, and which earlier ones it looks back at."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from survey.errors import ConfigError, StorageError
from survey.flows.runs import all_runs
from survey.model.agency import Agency
from survey.model.period import Period, parse_period, period_of
from survey.model.plan import Plan
from survey.settings import Settings
from survey.storage.layout import Layout
from survey.storage.manifest import read_manifest
from survey.storage.runs import find_run

YEAR = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class Ended:
    """A judged run.

    Attributes:
        run: Run id.
        at: When its last shard was done, or it was planned, if nothing is done; UTC.
        hosts: File of schema HOSTS.
    """

    run: str
    at: datetime
    hosts: Path


@dataclass(frozen=True, slots=True)
class Subject:
    """What a report is about.

    Attributes:
        plan: The run's plan.
        period: What the report covers.
        ended: The run itself.
        before: Judged runs of the same campaign in the year before it, oldest first.
        compared: The one of them that is compared with: the last before the period; or None.
    """

    plan: Plan
    period: Period
    ended: Ended
    before: tuple[Ended, ...]
    compared: Ended | None


def find_subject(settings: Settings, agency: Agency, name: str, campaign: str | None) -> Subject:
    """What ``name`` means to an agency: a run's id, or else a week or month by its calendar.

    A week or month is reported by the newest run that ended in it.

    Raises:
        ConfigError: There is no such run, or none ended in that period.
        StorageError: The run is not judged.
    """
    layout = Layout(settings.data)
    zone = ZoneInfo(agency.time_zone)
    plans = all_runs(settings)
    if any(plan.run == name and campaign in {None, plan.campaign} for plan in plans):
        owner = find_run(layout, name, campaign)
        runs = judged_runs(layout, plans, owner)
        plan = next(plan for plan in plans if (plan.campaign, plan.run) == (owner, name))
        ended = next((one for one in runs if one.run == name), None)
        if ended is None:
            root = layout.run(owner, name).root
            raise StorageError(f"{root}: has no verdicts yet; judge the run first")
        return _subject(plan, _period_of_run(agency, ended, zone), ended, runs, ended.at)
    period = _read(layout, name, campaign)
    owner = campaign or _only_campaign(layout, plans)
    runs = judged_runs(layout, plans, owner)
    inside = [one for one in runs if period.holds(one.at, zone)]
    if not inside:
        known = ", ".join(f"{one.run} ({one.at:%Y-%m-%d %H:%M} UTC)" for one in runs) or "none"
        raise ConfigError(
            "--period",
            "",
            f"no judged run ended in {period}",
            f"judged runs and their ends: {known}",
        )
    ended = inside[-1]
    plan = next(plan for plan in plans if (plan.campaign, plan.run) == (owner, ended.run))
    return _subject(plan, period, ended, runs, period.begins(zone))


def _subject(
    plan: Plan, period: Period, ended: Ended, runs: Sequence[Ended], since: datetime
) -> Subject:
    before = tuple(
        one for one in runs if one.run != ended.run and ended.at - YEAR <= one.at <= ended.at
    )
    earlier = [one for one in before if one.at < since]
    return Subject(plan, period, ended, before, earlier[-1] if earlier else None)


def judged_runs(layout: Layout, plans: Sequence[Plan], campaign: str) -> list[Ended]:
    """A campaign's judged runs, in the order in which they ended."""
    found = []
    for plan in plans:
        run = layout.run(plan.campaign, plan.run)
        if plan.campaign == campaign and run.hosts.is_file() and run.findings.is_file():
            ends = [one.finished_at for one in read_manifest(run).receipts()]
            found.append(Ended(plan.run, max(ends, default=plan.created_at), run.hosts))
    return sorted(found, key=lambda one: (one.at, one.run))


def _period_of_run(agency: Agency, ended: Ended, zone: ZoneInfo) -> Period:
    """The period that a run is named after, else the agency's own in which it ended."""
    try:
        return parse_period(ended.run)
    except ValueError:
        return period_of(ended.at.astimezone(zone).date(), agency.cadence)


def _read(layout: Layout, name: str, campaign: str | None) -> Period:
    try:
        return parse_period(name)
    except ValueError as error:
        find_run(layout, name, campaign)  # says which runs there are
        raise ConfigError("--period", "", str(error), "name a run, a week or a month") from None


def _only_campaign(layout: Layout, plans: Sequence[Plan]) -> str:
    campaigns = sorted({plan.campaign for plan in plans})
    if len(campaigns) != 1:
        known = ", ".join(campaigns) or "none, begin with `survey plan`"
        raise ConfigError(layout.campaigns, "", "which campaign?", f"name one of: {known}")
    return campaigns[0]
