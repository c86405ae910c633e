"""The languages of the site: English in its pages, the others in ``words``."""

from importlib.resources import files
from pathlib import Path

from survey.wording import language as wording
from survey.wording.language import Language

_WORDS = Path(str(files(__package__) / "words"))
_PLACES = {"pt": "pt_PT"}
"""Whose names and numbers go with our words: the letters' Portuguese is Portugal's."""


def written() -> tuple[str, ...]:
    """Languages with a catalogue, and English, sorted (BCP 47)."""
    return wording.written(_WORDS)


def speak(code: str) -> Language:
    """One of ``written()``; its days are UTC's."""
    return wording.speak(_WORDS, code, place=_PLACES.get(code))


def own_name(language: Language) -> str:
    """What its readers call it."""
    return str(language.locale.get_display_name(language.locale))
