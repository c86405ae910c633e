"""Lines of at most so many columns, as mail readers count them: a wide letter takes two.

Text of scripts without spaces (Chinese, Japanese) breaks between any two letters, but a line never
begins with a closing mark nor ends with an opening one (the first rules of JIS X 4051).
"""

import textwrap
from collections.abc import Iterable, Iterator
from unicodedata import category, east_asian_width

_WIDE = frozenset("WF")
_UNSEEN = frozenset({"Mn", "Cf"})
"""General categories of what takes no column: marks over a letter, marks for the direction."""
# General categories of Unicode; an apostrophe may be either, and is inside of a word anyway.
_OPENING = frozenset({"Ps", "Pi"})
_CLOSING = frozenset({"Pe", "Pf", "Po"})
_NOT_FIRST = frozenset("\u30fc\u3005")
"""Marks that lengthen or repeat the letter before."""
_HANGUL = range(0xAC00, 0xD7A4)


def columns(text: str) -> int:
    """How many columns the text takes."""
    return sum(
        2 if east_asian_width(letter) in _WIDE else category(letter) not in _UNSEEN
        for letter in text
    )


def fill(text: str, width: int, first: str, rest: str) -> list[str]:
    """The lines of a paragraph; only a word that is longer itself sticks out.

    Args:
        text: One line of words.
        width: Columns.
        first: What the first line begins with.
        rest: What the others begin with.
    """
    if columns(text) <= len(text):
        return textwrap.wrap(
            text,
            width,
            initial_indent=first,
            subsequent_indent=rest,
            break_long_words=False,
            break_on_hyphens=False,
        )
    lines, line = [], first
    empty = True
    for piece in _pieces(text):
        if not empty and columns(line + piece.rstrip()) > width:
            lines.append(line.rstrip())
            line, empty = rest, True
        line += piece.lstrip() if empty else piece
        empty = False
    return [*lines, line.rstrip()]


def joined(lines: Iterable[str]) -> str:
    """Lines of one paragraph as one, with a space between but where neither script has any."""
    whole = ""
    for line in lines:
        parted = whole and not (_breakable(whole[-1]) and _breakable(line[0]))
        whole += f" {line}" if parted else line
    return whole


def _breakable(letter: str) -> bool:
    """Whether a line may break beside it without a space."""
    return east_asian_width(letter) in _WIDE and ord(letter) not in _HANGUL


def _pieces(text: str) -> Iterator[str]:
    """What stays together; the spaces before a piece belong to it."""
    piece = ""
    for letter in text:
        if piece.strip() and _may_break(piece[-1], letter):
            yield piece
            piece = ""
        piece += letter
    yield piece


def _may_break(before: str, after: str) -> bool:
    if after == " ":
        return True
    if before == " " or category(before) in _OPENING:
        return False
    if category(after) in _CLOSING or after in _NOT_FIRST:
        return False
    return _breakable(before) or _breakable(after)
