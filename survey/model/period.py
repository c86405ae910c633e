"""What one report covers: an ISO week or a month, by the calendar of where the agency sits."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

_WEEK = re.compile(r"(\d{4})-W(\d{2})", re.ASCII)
_MONTH = re.compile(r"(\d{4})-(\d{2})", re.ASCII)
_LAST_MONTH = 12


class Cadence(StrEnum):
    """How often an agency wants to hear."""

    WEEKLY = "weekly"
    MONTHLY = "monthly"


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """One ISO week or one month of a calendar; when it begins depends on the time zone.

    Attributes:
        first: Its first day: a Monday, or the first of a month.
        cadence: Week or month.
    """

    first: date
    cadence: Cadence

    def __str__(self) -> str:
        """``2026-W48`` or ``2026-11``."""
        if self.cadence is Cadence.WEEKLY:
            year, week, _ = self.first.isocalendar()
            return f"{year}-W{week:02d}"
        return f"{self.first:%Y-%m}"

    @property
    def last(self) -> date:
        """Its last day."""
        return self.next.first - timedelta(days=1)

    @property
    def next(self) -> "Period":
        """The one after it."""
        if self.cadence is Cadence.WEEKLY:
            return Period(self.first + timedelta(days=7), self.cadence)
        return Period((self.first + timedelta(days=31)).replace(day=1), self.cadence)

    @property
    def previous(self) -> "Period":
        """The one before it."""
        return period_of(self.first - timedelta(days=1), self.cadence)

    def begins(self, zone: ZoneInfo) -> datetime:
        """Midnight of its first day, UTC.

        Where clocks are put forward at midnight there is no such hour: then the day begins with the
        first moment that there is.  Where they are put back, it begins with the first midnight.
        """
        return datetime.combine(self.first, time.min, zone).astimezone(UTC)

    def ends(self, zone: ZoneInfo) -> datetime:
        """Midnight after its last day, UTC; no part of it."""
        return self.next.begins(zone)

    def holds(self, moment: datetime, zone: ZoneInfo) -> bool:
        """Whether a moment lies in it."""
        return self.begins(zone) <= moment < self.ends(zone)


def period_of(day: date, cadence: Cadence) -> Period:
    """The week or month that a day lies in."""
    if cadence is Cadence.WEEKLY:
        return Period(day - timedelta(days=day.weekday()), cadence)
    return Period(day.replace(day=1), cadence)


def last_ended(now: datetime, cadence: Cadence, zone: ZoneInfo) -> Period:
    """The newest week or month that is over where the agency sits."""
    return period_of(now.astimezone(zone).date(), cadence).previous


def parse_period(text: str) -> Period:
    """``2026-W48`` or ``2026-11``.

    Raises:
        ValueError: It is neither, or there is no such week or month.
    """
    if week := _WEEK.fullmatch(text):
        year, number = map(int, week.groups())
        try:
            return Period(date.fromisocalendar(year, number, 1), Cadence.WEEKLY)
        except ValueError:
            raise ValueError(f"{year} has no week {number}") from None
    if month := _MONTH.fullmatch(text):
        year, number = map(int, month.groups())
        if 1 <= number <= _LAST_MONTH and year:
            return Period(date(year, number, 1), Cadence.MONTHLY)
        raise ValueError(f"{text} is no month")
    raise ValueError(
        f"{text[:40]!r} is no period; write an ISO week, 2026-W48, or a month, 2026-11"
    )
