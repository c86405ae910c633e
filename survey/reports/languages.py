"""The languages that reports are written in: English in the code, the others in ``words``."""

from importlib.resources import files
from pathlib import Path
from zoneinfo import ZoneInfo

from survey.wording import language as wording
from survey.wording.language import SOURCE, Language

__all__ = ["SOURCE", "Language", "speak", "written"]

_WORDS = Path(str(files(__package__) / "words"))


def written() -> tuple[str, ...]:
    """Languages with a catalogue, and English, sorted."""
    return wording.written(_WORDS)


def speak(code: str, zone: ZoneInfo = ZoneInfo("UTC")) -> Language:  # noqa: B008 - immutable
    """One of ``written()``, for a reader in a time zone."""
    return wording.speak(_WORDS, code, zone)
