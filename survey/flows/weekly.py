"""Reports for every agency whose week or month is over, and their delivery."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from survey.errors import SurveyError
from survey.flows.due import Due, due_reports
from survey.flows.report import make_report
from survey.settings import Settings

Say = Callable[..., None]
"""A logger's method: a text and its values."""


@dataclass(frozen=True, slots=True)
class Weekly:
    """What became of the reports that were due.

    Attributes:
        made: Reports made now.
        delivered: Reports handed over now.
        without_run: Agencies whose last period had no run.
        failed: Agency and period of those that could not be made or delivered.
    """

    made: int = 0
    delivered: int = 0
    without_run: int = 0
    failed: tuple[str, ...] = ()

    def __add__(self, other: "Weekly") -> "Weekly":
        """Both together; what the second still lacks counts once."""
        return Weekly(
            self.made + other.made,
            self.delivered + other.delivered,
            other.without_run,
            other.failed,
        )


def report_what_is_due(settings: Settings, campaign: str, now: datetime, say: Say) -> Weekly:
    """Make what is due, a line each; one agency's trouble is not the others'."""
    done = Weekly()
    for due in due_reports(settings, campaign, now):
        one = _one(settings, campaign, due, now, say)
        done = Weekly(
            done.made + one.made,
            done.delivered + one.delivered,
            done.without_run + one.without_run,
            done.failed + one.failed,
        )
    return done


def _one(settings: Settings, campaign: str, due: Due, now: datetime, say: Say) -> Weekly:
    name = f"{due.agency} {due.period}"
    if due.run is None:
        say("%s: no run ended in it, no report", name)
        return Weekly(without_run=1)
    if due.made:
        say("%s: made already", name)
        return Weekly()
    try:
        report = make_report(settings, due.agency, str(due.period), campaign=campaign, now=now)
    except SurveyError as error:
        say("%s: no report: %s", name, error)
        return Weekly(failed=(name,))
    say("%s: report of %s in %s, %d open servers", name, due.run, report.language, report.open)
    return Weekly(made=1)
