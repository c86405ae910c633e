"""Which of the languages that a text exists in a reader gets (BCP 47 tags)."""

from collections.abc import Iterable

_RIGHT_TO_LEFT = frozenset({"ar", "fa", "he", "ur"})

DEFAULT = "en"
"""What everybody gets whose languages we have not written yet."""


_ALSO = {
    "nn": ("nb",),
    "no": ("nb",),
    "zh": ("zh-hans", "zh-hant"),
    "zh-hant-hk": ("zh-hant",),
    "zh-hant-tw": ("zh-hant",),
    "zh-hk": ("zh-hant",),
    "zh-mo": ("zh-hant",),
    "zh-tw": ("zh-hant",),
}
"""What a reader of one language reads as well, nearest first."""


def choose_language(wanted: Iterable[str], available: Iterable[str]) -> str:
    """The first wanted language that is available, else English.

    ``pt-BR`` is content with ``pt``, ``zh-TW`` with ``zh-Hant`` before ``zh``; case does not matter
    in what is wanted.
    """
    known = {language.lower(): language for language in available}
    for language in wanted:
        tag = language.lower()
        base = tag.partition("-")[0]
        for other in (tag, *_ALSO.get(tag, ()), base, *_ALSO.get(base, ())):
            if other in known:
                return known[other]
    return DEFAULT


def direction(language: str) -> str:
    """``rtl`` for a language that is written from right to left, else ``ltr`` (HTML's words)."""
    return "rtl" if language.partition("-")[0] in _RIGHT_TO_LEFT else "ltr"
