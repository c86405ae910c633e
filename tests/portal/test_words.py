"""Every language of the portal is whole: its words, its plurals, its placeholders."""

import re
import sys
from pathlib import Path

import pytest
from babel.messages.catalog import Message

from survey.model.case import CaseState, Closing, Happened
from survey.model.episode import ExposureKind
from survey.model.letter import LetterKind, LetterState
from survey.model.portal import Scope
from survey.portal.labels import labels
from survey.portal.languages import speak, written
from survey.reports.languages import written as reports

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "infra" / "words"))

import catalogues  # noqa: E402 - a script of the project, by its path

TEXTS = {message.id for message in catalogues.source(catalogues.PORTAL) if message.id}
CATALOGUES = {path.stem: catalogue for path, catalogue in catalogues.catalogues(catalogues.PORTAL)}
PLACEHOLDER = re.compile(r"%\((\w+)\)s|%%")


def _forms(message: Message) -> tuple[str, ...]:
    return (message.string,) if isinstance(message.string, str) else tuple(message.string)


def test_catalogues_are_the_languages() -> None:
    """One file each, and English in the pages."""
    assert set(CATALOGUES) | {"en"} == set(written())


@pytest.mark.parametrize("language", sorted(CATALOGUES))
def test_catalogue_has_every_text_and_no_other(language: str) -> None:
    """None missing, none fuzzy, none left over from an earlier page."""
    messages = [message for message in CATALOGUES[language] if message.id]
    assert {message.id for message in messages} == TEXTS
    assert [m.id for m in messages if m.fuzzy or not all(map(str.strip, _forms(m)))] == []


@pytest.mark.parametrize("language", sorted(CATALOGUES))
def test_placeholders_are_the_sources(language: str) -> None:
    """A lost or invented ``%(name)s`` would fail on the day it is needed."""
    for message in CATALOGUES[language]:
        if message.id:
            plural = not isinstance(message.id, str)
            wanted = sorted(PLACEHOLDER.findall(message.id[1] if plural else message.id))
            for form in _forms(message):
                assert sorted(PLACEHOLDER.findall(form)) == wanted, (message.id, form)
                assert "%" not in PLACEHOLDER.sub("", form), form


@pytest.mark.parametrize("language", written())
def test_everything_that_can_be_shown_has_a_word(language: str) -> None:
    """Whatever stands in the tables: states, reasons, letters, what happened, what a key opens."""
    known = labels(speak(language))
    for closed_list in (
        CaseState,
        Closing,
        Happened,
        LetterKind,
        LetterState,
        ExposureKind,
        Scope,
    ):
        assert {one.value for one in closed_list} <= set(known)


def test_agencies_read_the_portal_in_the_languages_of_their_reports() -> None:
    """An agency's file names one of these."""
    assert written() == reports()


def test_colon_is_the_languages_own() -> None:
    """What a letter is and how it stands are one line."""
    joined = {code: speak(code).say("%(what)s: %(more)s", what="a", more="b") for code in written()}
    assert (joined["fr"], joined["ja"], joined["de"]) == ("a\u00a0: b", "a：b", "a: b")
