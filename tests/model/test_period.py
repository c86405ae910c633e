"""Weeks and months are whole, without gap or overlap, wherever an agency sits."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from survey.model.period import Cadence, Period, last_ended, parse_period, period_of

ZONES = ("UTC", "Europe/Madrid", "America/Santiago", "Africa/Cairo", "Asia/Tokyo", "Asia/Beirut",
         "Pacific/Apia", "Australia/Lord_Howe", "America/St_Johns")  # fmt: skip

cadences = st.sampled_from(Cadence)
zones = st.sampled_from(ZONES).map(ZoneInfo)
moments = st.datetimes(datetime(2010, 1, 3), datetime(2035, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - the zone comes with it


@given(moments, cadences, zones)
def test_every_moment_lies_in_exactly_one_period(
    moment: datetime, cadence: Cadence, zone: ZoneInfo
) -> None:
    """Its neighbours end where it begins and begin where it ends."""
    period = period_of(moment.astimezone(zone).date(), cadence)
    assert period.holds(moment, zone)
    assert period.previous.ends(zone) == period.begins(zone)
    assert period.next.begins(zone) == period.ends(zone)
    assert not period.previous.holds(moment, zone)
    assert not period.next.holds(moment, zone)
    assert period.next.previous == period == period.previous.next


@given(moments, cadences)
def test_name_says_which(moment: datetime, cadence: Cadence) -> None:
    """A name read again is the same period; names sort as time does."""
    period = period_of(moment.date(), cadence)
    assert parse_period(str(period)) == period
    assert str(period.previous) < str(period)
    assert period.first <= moment.date() <= period.last


@given(moments, cadences, zones)
def test_last_ended_is_over_and_the_next_is_not(
    now: datetime, cadence: Cadence, zone: ZoneInfo
) -> None:
    """A report never covers a week that still goes on."""
    period = last_ended(now, cadence, zone)
    assert period.ends(zone) <= now < period.next.ends(zone)


def test_iso_weeks_at_the_turn_of_the_year() -> None:
    """1 January may lie in the old year's last week, of which there may be 53."""
    assert str(period_of(date(2027, 1, 1), Cadence.WEEKLY)) == "2026-W53"
    assert str(period_of(date(2024, 12, 30), Cadence.WEEKLY)) == "2025-W01"
    assert str(parse_period("2026-W53").next) == "2027-W01"


@pytest.mark.parametrize(
    ("zone", "week", "hours"),
    [
        ("Europe/Madrid", "2026-W13", 7 * 24 - 1),  # 29 March
        ("Europe/Madrid", "2026-W43", 7 * 24 + 1),  # 25 October
        ("Asia/Tokyo", "2026-W13", 7 * 24),
    ],
)
def test_weeks_with_a_change_of_clocks_are_longer_or_shorter(
    zone: str, week: str, hours: int
) -> None:
    """A week is seven local days, not 168 hours."""
    period, place = parse_period(week), ZoneInfo(zone)
    assert period.ends(place) - period.begins(place) == timedelta(hours=hours)


def test_day_without_a_midnight_begins_at_its_first_moment() -> None:
    """In Santiago the clocks of 6 September 2026 go from 23:59:59 to 01:00."""
    zone = ZoneInfo("America/Santiago")
    day = Period(date(2026, 9, 6), Cadence.MONTHLY)  # any day will do to begin with
    begins = day.begins(zone)
    assert (begins - timedelta(seconds=1)).astimezone(zone).date() == date(2026, 9, 5)
    assert begins.astimezone(zone).hour == 1


@pytest.mark.parametrize(
    "text",
    [
        "2026-W54",
        "2025-W53",
        "2026-13",
        "2026-00",
        "2026-W00",
        "2026",
        "W48",
        "\u0662\u0660\u0662\u0666-\u0661\u0661",
        "x",
    ],
)
def test_what_is_no_period_is_refused(text: str) -> None:
    """Said in one line."""
    with pytest.raises(ValueError, match="no"):
        parse_period(text)
