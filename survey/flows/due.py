"""Which agencies are owed a report: week or month are over, a run ended in it, none was made."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from survey.flows.report_runs import Ended, judged_runs
from survey.flows.runs import all_runs
from survey.model.agency import Agency
from survey.model.period import Period, last_ended
from survey.settings import Settings
from survey.storage.agencies import read_agencies
from survey.storage.layout import Layout

LOOKED_BACK = 3
"""Periods that are made good for if nobody made or delivered reports for a while."""


@dataclass(frozen=True, slots=True)
class Due:
    """One agency and a period that is over.

    Attributes:
        agency: Agency id.
        period: What the report covers.
        run: The run that it would be about; None if none ended in the period.
        made: Whether there is a whole report already.
    """

    agency: str
    period: Period
    run: str | None
    made: bool


def due_reports(settings: Settings, campaign: str, now: datetime) -> tuple[Due, ...]:
    """Every agency's last periods that are over and have a run, oldest first; the last in any case.

    A report is whole when its manifest is there, which is written last; so whoever was stopped
    before that makes it again.  Only runs that are done count.
    """
    layout = Layout(settings.data)
    done = [
        one
        for one in judged_runs(layout, all_runs(settings), campaign)
        if layout.run(campaign, one.run).done.exists()
    ]
    found = [
        due for agency in read_agencies(settings.agencies) for due in _of(agency, layout, done, now)
    ]
    return tuple(sorted(found, key=lambda due: (due.period.first, due.agency)))


def _of(agency: Agency, layout: Layout, done: list[Ended], now: datetime) -> Iterator[Due]:
    zone = ZoneInfo(agency.time_zone)
    period = last_ended(now, agency.cadence, zone)
    for back in range(LOOKED_BACK):
        run = _run_of(period, done, zone)
        made = (layout.report(agency.id, str(period)) / "manifest.json").is_file()
        if back == 0 or run is not None:
            yield Due(agency.id, period, run, made)
        period = period.previous


def _run_of(period: Period, done: list[Ended], zone: ZoneInfo) -> str | None:
    """As ``find_subject`` has it: a run of that name, else the newest that ended in it."""
    named = [one.run for one in done if one.run == str(period)]
    inside = [one.run for one in done if period.holds(one.at, zone)]
    return next(iter(named), inside[-1] if inside else None)
