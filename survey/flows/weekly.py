"""Reports for every agency whose week or month is over, and their delivery."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from survey.errors import StorageError, SurveyError
from survey.flows.deliver import deliver, means_of, open_ledger
from survey.flows.due import Due, due_reports
from survey.flows.report import make_report
from survey.model.dispatch import DispatchState
from survey.settings import Settings

Say = Callable[..., None]
"""A logger's method: a text and its values."""


@dataclass(frozen=True, slots=True)
class Weekly:
    """What became of the reports that were due.

    Attributes:
        made: Reports made now.
        delivered: Reports of which every part has been handed over.
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


def report_what_is_due(
    settings: Settings, campaign: str, now: datetime, say: Say, outgoing: Path | None = None
) -> Weekly:
    """Make what is due and hand it over, a line each; one agency's trouble is not the others'.

    Args:
        settings: Where data, keys and agencies are.
        campaign: Campaign id.
        now: Which weeks and months are over.
        say: Told each step.
        outgoing: The way out (docs/delivery.md); None: reports are only made.
    """
    done = Weekly()
    for due in due_reports(settings, campaign, now):
        one = _one(settings, campaign, due, say, outgoing)
        done = Weekly(
            done.made + one.made,
            done.delivered + one.delivered,
            done.without_run + one.without_run,
            done.failed + one.failed,
        )
    return done


def _one(settings: Settings, campaign: str, due: Due, say: Say, outgoing: Path | None) -> Weekly:
    name = f"{due.agency} {due.period}"
    if due.run is None:
        say("%s: no run ended in it, no report", name)
        return Weekly(without_run=1)
    made = 0
    try:
        if due.made:
            say("%s: made already", name)
        else:
            _make(settings, campaign, due, say)
            made = 1
        delivered = False
        if outgoing is not None:
            try:
                delivered = _hand_over(settings, due, say, outgoing)
            except StorageError as error:  # damaged, or somebody has opted out since it was made
                say("%s: made again: %s", name, error)
                _make(settings, campaign, due, say)
                made = 1
                delivered = _hand_over(settings, due, say, outgoing)
    except SurveyError as error:
        say("%s: %s", name, error)
        return Weekly(made=made, failed=(name,))
    return Weekly(made=made, delivered=int(delivered))


def _make(settings: Settings, campaign: str, due: Due, say: Say) -> None:
    one = make_report(settings, due.agency, str(due.period), campaign=campaign)
    say(
        "%s %s: report of %s in %s, %d open servers",
        *(due.agency, due.period, due.run, one.language, one.open),
    )


def _hand_over(settings: Settings, due: Due, say: Say, outgoing: Path) -> bool:
    """Whether every part of a report has been handed over, now or before."""
    means = means_of(settings, outgoing)
    ledger = open_ledger(settings, means)
    try:
        done = asyncio.run(deliver(settings, due.agency, str(due.period), means, ledger))
    finally:
        ledger.close()
    arrived = len(done.having(DispatchState.DELIVERED))
    say("%s %s: %d of %d dispatches delivered, %d put off", due.agency, due.period, arrived,
        len(done.dispatches), len(done.put_off))  # fmt: skip
    doubtful = done.having(DispatchState.UNCERTAIN) + done.having(DispatchState.REFUSED)
    if any(not one.receipt.startswith("superseded") for one in doubtful):
        raise SurveyError("some dispatches need a person; see `survey report ledger`")
    return bool(done.dispatches) and arrived + len(doubtful) == len(done.dispatches)
