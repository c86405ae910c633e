"""A stranger's name in a letter: it can be read, and it can't pass for anything of ours (law 9).

On top of what holds wherever such a name is shown (``model.hostile``): no spaces that set columns
or hide, no look-alikes of another script inside a word, no marks piled up over the line above,
nothing that a mail reader makes a link or a mailbox of, nothing that a header would decode.
"""

import re
import unicodedata
from itertools import groupby

from survey.model.hostile import CUT, show_bytes, show_text

_SELECTORS = ((0x180B, 0x180F), (0xFE00, 0xFE0F), (0xE0100, 0xE01EF))
_BLANK = frozenset("\u034f\u115f\u1160\u2800\u3164\uffa0") | {
    chr(point) for first, last in _SELECTORS for point in range(first, last + 1)
}
"""Letters and signs that look like nothing."""

_ALIKE = ("LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "COPTIC", "LISU")
"""Scripts with letters that pass for one another's."""

_ACTIVE = re.compile(r":(?=//)|@|(?<=www)\.|(?<=mailto):|(?<==)\?", re.IGNORECASE)
_PIECE = re.compile(r"\\x[0-9a-f]{2}|\\\\|.")
_MARKS = 2
"""Marks over one letter; Vietnamese has two."""


def show_name(text: str, limit: int) -> str:
    r"""One line, at most ``limit`` characters; what is shown by its number stands as ``\uNNNN``."""
    plain = unicodedata.normalize("NFKC", text[: 4 * limit])
    spaced = re.sub(r"[^\S\n\r\t\v\f\x1c-\x1f\x85\u2028\u2029]+", " ", plain).strip(" ")
    inert = _ACTIVE.sub(lambda found: _number(found[0]), _distinct(spaced))
    return show_text(inert, limit)


def show_line(data: bytes, limit: int) -> str:
    r"""A quoted line, at most ``limit`` characters; what is shown by its number as ``\xNN``."""
    shown = show_bytes(data, limit)
    inert = _ACTIVE.sub(lambda found: f"\\x{ord(found[0]):02x}", shown)
    while len(inert) > limit:
        inert = "".join(_PIECE.findall(inert.removesuffix(CUT))[:-1]) + CUT
    return inert


def _distinct(text: str) -> str:
    """Look-alikes, blanks and piled-up marks by their number."""
    shown = []
    for is_word, letters in groupby(text, _in_word):
        word = list(letters)
        mixed = is_word and len({script for letter in word if (script := _script(letter))}) > 1
        marks = 0
        for letter in word:
            marks = marks + 1 if unicodedata.category(letter)[0] == "M" else 0
            alike = mixed and _script(letter) not in {"", "LATIN"}
            hidden = letter in _BLANK or marks > _MARKS
            shown.append(_number(letter) if alike or hidden else letter)
    return "".join(shown)


def _in_word(letter: str) -> bool:
    return letter.isalpha() or unicodedata.category(letter)[0] in {"M", "C"}


def _script(letter: str) -> str:
    """Which of the scripts that look alike it is of, or ""."""
    script = unicodedata.name(letter, "").partition(" ")[0]
    return script if script in _ALIKE else ""


def _number(letter: str) -> str:
    return f"\\u{ord(letter):04x}"
