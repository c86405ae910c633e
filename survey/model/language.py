"""Which of the languages that a text exists in a reader gets (BCP 47 tags)."""

from collections.abc import Iterable

_RIGHT_TO_LEFT = frozenset({"ar", "fa", "he", "ur"})

DEFAULT = "en"
"""What everybody gets whose languages we have not written yet."""


def choose_language(wanted: Iterable[str], available: Iterable[str]) -> str:
    """The first wanted language that is available, else English.

    ``pt-BR`` is content with ``pt``; case does not matter in what is wanted.
    """
    known = {language.lower(): language for language in available}
    for language in wanted:
        for tag in (language.lower(), language.lower().partition("-")[0]):
            if tag in known:
                return known[tag]
    return DEFAULT


def direction(language: str) -> str:
    """``rtl`` for a language that is written from right to left, else ``ltr`` (HTML's words)."""
    return "rtl" if language.partition("-")[0] in _RIGHT_TO_LEFT else "ltr"
