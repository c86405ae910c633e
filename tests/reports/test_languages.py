"""Every language is whole."""

import re
from importlib.resources import files

import pytest

from survey.reports.languages import written


def _macros(language: str) -> list[tuple[str, str]]:
    text = (files("survey.reports") / "words" / f"{language}.html").read_text(encoding="utf-8")
    return re.findall(r"\{%-? macro (\w+)\(([^)]*)\)", text)


def test_spanish_and_english_are_written() -> None:
    """The two first languages of the operation."""
    assert {"en", "es"} <= set(written())


@pytest.mark.parametrize("language", written())
def test_language_has_the_same_texts_in_the_same_order(language: str) -> None:
    """A missing or renamed text would only show on the page that needs it."""
    assert _macros(language) == _macros("en")
