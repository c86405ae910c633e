"""A reader finds the moment in logs that are kept by the clocks of their country."""

from datetime import UTC, datetime

import pytest
from babel.core import get_global
from made_notice import make_case

from survey.model.letter import LetterKind
from survey.notify import letter as letters
from survey.notify.letter import write_letter, written
from survey.notify.local_time import local_time
from survey.notify.wrapping import columns

WINTER = datetime(2026, 1, 5, 6, 30, 9, tzinfo=UTC)
SUMMER = datetime(2026, 7, 5, 6, 30, 9, tzinfo=UTC)
WIDEST = "01-06 00:15:09 UTC+5:45"


@pytest.mark.parametrize(
    ("country", "shown"),
    [
        ("FR", "07:30:09 Paris"),
        ("ES", "07:30:09 Madrid"),
        ("JP", "15:30:09 Tokyo"),
        ("IN", "12:00:09 Kolkata"),
    ],
)
def test_a_country_with_one_time_is_told_it(country: str, shown: str) -> None:
    """By the city that stands for it."""
    assert local_time(WINTER, country, "en") == shown


def test_summer_time_is_kept() -> None:
    """Clocks were put forward, logs too."""
    assert local_time(SUMMER, "FR", "en") == "08:30:09 Paris"


def test_another_day_is_named() -> None:
    """Else the hour would belong to the wrong one."""
    assert local_time(WINTER.replace(hour=20), "JP", "en") == "01-06 05:30:09 UTC+9"


@pytest.mark.parametrize("country", ["US", "RU", "BR", "", "XX"])
def test_where_the_time_is_not_known_none_is_told(country: str) -> None:
    """Several times in a country, or no country: UTC alone."""
    assert local_time(WINTER, country, "en") == ""


def test_long_name_is_told_by_its_distance_from_utc() -> None:
    """A row of a letter stays within its columns."""
    assert local_time(WINTER, "HT", "en") == "01:30:09 UTC-5"
    assert local_time(WINTER, "MG", "ja") == "09:30:09 UTC+3"


def test_city_whose_zone_was_renamed_is_named_in_the_readers_language() -> None:
    """Kyiv's zone was Europe/Kiev."""
    assert local_time(WINTER, "UA", "uk") == "08:30:09 Київ"
    assert local_time(WINTER, "NP", "bg") == "12:15:09 Катманду"


def test_portuguese_of_portugal_names_cities_as_it_does() -> None:
    """The letter's spelling is that of Portugal throughout."""
    assert local_time(WINTER, "ES", "pt") == "07:30:09 Madrid"


@pytest.mark.parametrize("language", written())
def test_city_is_named_in_the_readers_language(language: str) -> None:
    """Every language of the letters is one that names are known in."""
    assert local_time(WINTER, "JP", language).startswith("15:30:09 ")


@pytest.mark.parametrize("language", ["en", "ja", "ru"])
@pytest.mark.parametrize("hour", [0, 23])
def test_no_countrys_time_is_wider_than_the_widest(language: str, hour: int) -> None:
    """What the rows of letters have room for."""
    for country in get_global("territory_zones"):
        shown = local_time(WINTER.replace(hour=hour), country, language)
        assert columns(shown) <= columns(WIDEST), (country, shown)


@pytest.mark.parametrize("language", written())
def test_rows_of_letters_have_room_for_the_widest(
    language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The words before a time are short enough in every language, whatever country is told."""
    monkeypatch.setattr(letters, "local_time", lambda *_: WIDEST)
    for kind in (kind for kind in LetterKind if language in written(kind)):
        text = write_letter(make_case(kind), language).text
        assert WIDEST in text
        assert [line for line in text.splitlines() if columns(line) > 72] == []
