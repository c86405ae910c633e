"""The languages of the portal's pages: English in the pages, the others in ``words``."""

from importlib.resources import files
from pathlib import Path

from survey.wording import language as wording
from survey.wording.language import Language

_WORDS = Path(str(files(__package__) / "words"))


def written() -> tuple[str, ...]:
    """Languages with a catalogue, and English, sorted (BCP 47)."""
    return wording.written(_WORDS)


def speak(code: str) -> Language:
    """One of ``written()``; its days are UTC's."""
    return wording.speak(_WORDS, code)


def own_name(language: Language) -> str:
    """What its readers call it."""
    return str(language.locale.get_display_name(language.locale))
