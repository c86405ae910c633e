"""Every language is whole: its words, its plurals, its placeholders, its numbers and dates."""

import re
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from babel.messages.catalog import Catalog, Message

from survey.reports.languages import SOURCE, speak, written
from survey.typesetting.pdf import covered

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "infra" / "words"))

import catalogues  # noqa: E402 - a script of the project, by its path

TEXTS = [message for message in catalogues.source() if message.id]
CATALOGUES = {path.stem: catalogue for path, catalogue in catalogues.catalogues()}
PLACEHOLDER = re.compile(r"%\((\w+)\)s|%%")


def _forms(message: Message) -> tuple[str, ...]:
    return (message.string,) if isinstance(message.string, str) else tuple(message.string)


def test_the_languages_of_the_operation_are_written() -> None:
    """Ten, English among them."""
    assert set(written()) == {"ar", "de", "en", "es", "fr", "it", "ja", "pt", "uk", "zh"}
    assert set(CATALOGUES) == set(written()) - {SOURCE}


@pytest.mark.parametrize("language", sorted(CATALOGUES))
def test_catalogue_has_every_text_and_no_other(language: str) -> None:
    """None missing, none fuzzy, none left over from an earlier page."""
    catalogue = CATALOGUES[language]
    known = {message.id for message in catalogue if message.id}
    assert known == {message.id for message in TEXTS}
    empty = [m.id for m in catalogue if m.id and not all(text.strip() for text in _forms(m))]
    assert empty == []
    assert [message.id for message in catalogue if message.fuzzy and message.id] == []
    assert not catalogue.obsolete


@pytest.mark.parametrize("language", sorted(CATALOGUES))
def test_placeholders_are_the_sources(language: str) -> None:
    """A lost or invented ``%(name)s`` would fail on the day it is needed; a number may be said."""
    for message in CATALOGUES[language]:
        if not message.id:
            continue
        plural = not isinstance(message.id, str)
        wanted = sorted(PLACEHOLDER.findall(message.id[1] if plural else message.id))
        for form in _forms(message):
            found = sorted(PLACEHOLDER.findall(form))
            spelt = sorted(name for name in wanted if name != "n")
            assert found == wanted or (plural and found == spelt), (message.id, form)
            assert "%" not in PLACEHOLDER.sub("", form), form


@pytest.mark.parametrize("language", sorted(CATALOGUES))
def test_plurals_are_the_languages_own(language: str) -> None:
    """As many forms as CLDR gives it, each of which the number picks."""
    catalogue = CATALOGUES[language]
    one, many = "%(n)s other network", "%(n)s other networks"
    (message,) = [m for m in catalogue if m.id == (one, many)]
    assert len(message.string) == catalogue.num_plurals
    said = {speak(language).count(one, many, number) for number in range(1, 130)}
    assert len(said) == 129 or language == "ar"
    assert not any("%" in text for text in said)


@pytest.mark.parametrize("language", sorted(CATALOGUES))
def test_every_letter_of_a_catalogue_is_in_our_fonts(language: str) -> None:
    """PDF/A forbids a glyph that stands for nothing."""
    letters = {
        letter for m in CATALOGUES[language] if m.id for form in _forms(m) for letter in form
    }
    letters |= set("".join(speak(language).locale.territories.values()))
    assert {hex(ord(letter)) for letter in letters if ord(letter) not in covered()} == set()


@pytest.mark.parametrize("language", sorted(set(CATALOGUES) - {"en"}))
def test_words_are_translated(language: str) -> None:
    """A text that is the same as in English was forgotten, but for names and bytes."""
    same = [m.id for m in CATALOGUES[language] if m.id and m.string == m.id and " " in str(m.id)]
    alike = {"Operation Secure Your Server", "Plan (SHA-256)", "%(name)s (%(n)s bytes)"}
    assert set(same) <= alike


def test_a_missing_text_fails() -> None:
    """The check above would see it."""
    broken = Catalog(locale="es")
    broken.add("Skip to the report", "")
    assert not all(_forms(message)[0] for message in broken if message.id)


def test_numbers_and_dates_are_the_languages_own() -> None:
    """CLDR's, with Latin digits everywhere, since addresses have them too."""
    moment = datetime(2026, 11, 24, 23, 30, tzinfo=UTC)
    assert speak("es").number(1_048_576) == "1.048.576"
    assert speak("fr").decimal(1234.5) == "1\u202f234,50"
    assert speak("ar").number(1_048_576) == "1,048,576"
    assert speak("ja", ZoneInfo("Asia/Tokyo")).moment(moment) == "2026年11月25日 08:30 UTC+9"
    assert speak("de").days(date(2026, 11, 23), date(2026, 11, 29)) == "23.–29. Nov. 2026"
    assert speak("en").signed(-1200) == "−1,200"
    assert speak("en").signed(0) == "0"


def test_right_to_left_keeps_foreign_words_and_signs_in_order() -> None:
    """A name in Latin letters, a sign before its number and a range don't turn around."""
    arabic = speak("ar")
    assert arabic.say("Prepared for") == "أُعِدّ لصالح"
    assert arabic.signed(-12) == "\u2066−12\u2069"
    assert arabic.span("1", "2") == "\u20661 – 2\u2069"
    made = arabic.say("Map: %(places)s.", places="Iceland")
    assert "\u2068Iceland\u2069" in made
