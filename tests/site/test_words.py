"""Every language of the site is whole: its words, its plurals, its placeholders."""

import re
import sys
from pathlib import Path

import pytest
from babel.messages.catalog import Message

from survey.notify.letter import written as letters_written
from survey.site.languages import own_name, speak, written

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "infra" / "words"))

import catalogues  # noqa: E402 - a script of the project, by its path

TEXTS = {message.id for message in catalogues.source(catalogues.SITE) if message.id}
CATALOGUES = {path.stem: catalogue for path, catalogue in catalogues.catalogues(catalogues.SITE)}
PLACEHOLDER = re.compile(r"%\((\w+)\)s|%%")


def _forms(message: Message) -> tuple[str, ...]:
    return (message.string,) if isinstance(message.string, str) else tuple(message.string)


def test_catalogues_are_the_languages() -> None:
    """One file each, and English in the pages."""
    assert set(CATALOGUES) | {"en"} == set(written())


def test_who_reads_a_letter_reads_the_site() -> None:
    """Every language of the letters is one of the site."""
    assert set(letters_written()) <= set(written())


@pytest.mark.parametrize("language", sorted(CATALOGUES))
def test_catalogue_has_every_text_and_no_other(language: str) -> None:
    """None missing, none fuzzy, none left over from an earlier page."""
    messages = [message for message in CATALOGUES[language] if message.id]
    assert {message.id for message in messages} == TEXTS
    assert [m.id for m in messages if m.fuzzy or not all(map(str.strip, _forms(m)))] == []
    assert not CATALOGUES[language].obsolete


@pytest.mark.parametrize("language", sorted(CATALOGUES))
def test_placeholders_are_the_sources(language: str) -> None:
    """A lost or invented ``%(name)s`` would fail on the day it is needed; a number may be said."""
    for message in CATALOGUES[language]:
        if not message.id:
            continue
        plural = not isinstance(message.id, str)
        wanted = sorted(PLACEHOLDER.findall(message.id[1] if plural else message.id))
        spelt = [name for name in wanted if name != "n"]
        for form in _forms(message):
            found = sorted(PLACEHOLDER.findall(form))
            assert found == wanted or (plural and found == spelt), (message.id, form)
            assert "%" not in PLACEHOLDER.sub("", form), form


@pytest.mark.parametrize("language", sorted(CATALOGUES))
def test_words_are_translated(language: str) -> None:
    """A text that is the same as in English was forgotten, but for names and single words."""
    same = {str(m.id) for m in CATALOGUES[language] if m.id and m.string == m.id}
    texts = {text for text in same if " " in PLACEHOLDER.sub("", text).strip()}
    assert texts <= {"Operation Secure Your Server"}


def test_no_sentence_is_the_same_in_two_languages() -> None:
    """One that is was put into the wrong file."""
    seen: dict[str, str] = {}
    for language, catalogue in CATALOGUES.items():
        for message in catalogue:
            for form in set(_forms(message)) if message.id else ():
                if len(form) > 40:
                    assert seen.setdefault(form, language) == language, form


@pytest.mark.parametrize("language", written())
def test_a_language_has_its_own_name(language: str) -> None:
    """As its readers write it."""
    assert own_name(speak(language))


def test_portuguese_names_countries_as_the_letters_do() -> None:
    """Its text is Portugal's, and so are its countries and numbers."""
    portuguese = speak("pt")
    assert portuguese.country("PL") == "Polónia"
    assert portuguese.number(100_000) == "100\N{NO-BREAK SPACE}000"
