"""The little markup that letters are written in, as plain text and as HTML of the same words.

Blocks are parted by blank lines::

    # A heading
    A paragraph, its line breaks without meaning.
    - an item          (or ``1. a step``, lines between steps or not; one line each)
      a line kept as it is, indented     (and ``| a line``, not indented)

One source for both parts: nobody translates or checks a letter twice (decision 0061).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from unicodedata import bidirectional

from markupsafe import Markup, escape

from survey.model.language import DEFAULT, direction
from survey.notify.wrapping import columns, fill, joined

WIDTH = 72
"""Columns of the plain text (RFC 3676 asks for at most 78)."""

_STEP = re.compile(r"\d+\. ")
_RIGHT_TO_LEFT = "\N{RIGHT-TO-LEFT MARK}"
_WHOLE = re.compile(
    r"\d{4}-\d\d-\d\d(?: \d\d:\d\d:\d\d)?(?: UTC)?|/(?:etc|usr|var|opt)/[A-Za-z0-9._/-]+"
)
"""Dates and paths: among words from right to left their parts would change places."""
_ISOLATED = "\N{LEFT-TO-RIGHT ISOLATE}\\g<0>\N{POP DIRECTIONAL ISOLATE}"


class Kind(StrEnum):
    """What a line is, by how it begins."""

    HEADING = "heading"
    PARAGRAPH = "paragraph"
    BULLETS = "bullets"
    STEPS = "steps"
    LINES = "lines"
    SIGNATURE = "signature"


@dataclass(frozen=True, slots=True)
class Block:
    """One block and its lines, the marks of its kind taken off; a step keeps its number."""

    kind: Kind
    lines: tuple[str, ...]


def parse(text: str) -> tuple[Block, ...]:
    """The blocks of a rendered letter."""
    blocks = []
    for chunk in re.split(r"\n[ \t]*\n", text):
        lines = [line.rstrip() for line in chunk.splitlines() if line.strip()]
        for kind, group in groupby(lines, key=_kind):
            blocks.append(Block(kind, tuple(_bare(kind, line) for line in group)))
    return tuple(blocks)


def to_text(blocks: tuple[Block, ...], language: str = DEFAULT) -> str:
    """Plain text of at most WIDTH columns; only a word that is longer itself sticks out.

    Mail readers decide for each line of a plain text by its first letter which way it runs, so in
    a language from right to left a line of ours that a Latin word begins has a mark before it; and
    dates and paths within stay in one piece.
    """
    turned = _turned if direction(language) == "rtl" else str
    return "\n\n".join("\n".join(map(turned, _text_lines(block))) for block in blocks) + "\n"


def to_html(blocks: tuple[Block, ...], title: str, language: str, links: frozenset[str]) -> str:
    """A small HTML page; of all addresses only ``links``, which are ours, can be clicked."""
    rtl = direction(language) == "rtl"
    body = Markup("\n").join(_html(block, links, rtl=rtl) for block in blocks)
    return Markup(
        '<!doctype html>\n<html lang="{}" dir="{}">\n<head>\n<meta charset="utf-8">\n'
        "<title>{}</title>\n</head>\n<body style=\"font: 16px/1.5 'Segoe UI', Roboto, 'Noto Sans', "
        'sans-serif; max-width: 42em">\n{}\n</body>\n</html>\n'
    ).format(language, direction(language), title, body)


def _kind(line: str) -> Kind:
    for mark, kind in (
        ("# ", Kind.HEADING),
        ("- ", Kind.BULLETS),
        ("  ", Kind.LINES),
        ("| ", Kind.SIGNATURE),
    ):
        if line.startswith(mark):
            return kind
    return Kind.STEPS if _STEP.match(line) else Kind.PARAGRAPH


def _bare(kind: Kind, line: str) -> str:
    return line if kind in {Kind.PARAGRAPH, Kind.STEPS} else line[2:]


def _text_lines(block: Block) -> Iterator[str]:
    match block.kind:
        case Kind.HEADING:
            title = fill(joined(block.lines), WIDTH, "", "")
            yield from title
            yield "-" * max(map(columns, title))
        case Kind.PARAGRAPH:
            yield from fill(joined(block.lines), WIDTH, "", "")
        case Kind.BULLETS:
            for item in block.lines:
                yield from fill(item, WIDTH, "- ", "  ")
        case Kind.STEPS:
            for step in block.lines:
                number, _, item = step.partition(" ")
                yield from fill(item, WIDTH, f"{number} ", "   ")
        case Kind.LINES:
            yield from (f"  {line}" for line in block.lines)
        case Kind.SIGNATURE:
            yield from block.lines


def _turned(line: str) -> str:
    """The line with a mark before it if it has words from right to left, but begins otherwise."""
    if not _from_right(line):
        return line
    ways = [way for letter in line if (way := bidirectional(letter)) in {"L", "R", "AL"}]
    return (_RIGHT_TO_LEFT if ways[0] == "L" else "") + _WHOLE.sub(_ISOLATED, line)


def _from_right(line: str) -> bool:
    """Whether it has words that are written from right to left."""
    return any(bidirectional(letter) in {"R", "AL"} for letter in line)


def _html(block: Block, links: frozenset[str], *, rtl: bool) -> Markup:
    lines = [_linked(line, links, rtl=rtl) for line in block.lines]
    match block.kind:
        case Kind.HEADING:
            return Markup("<h2>{}</h2>").format(Markup(" ").join(lines))
        case Kind.PARAGRAPH:
            return Markup("<p>{}</p>").format(Markup(" ").join(lines))
        case Kind.BULLETS:
            return Markup("<ul>{}</ul>").format(_items(lines))
        case Kind.STEPS:
            first = block.lines[0].partition(".")[0]
            items = [line.partition(" ")[2] for line in lines]
            return Markup('<ol start="{}">{}</ol>').format(first, _items(items))
        case Kind.SIGNATURE:
            return Markup("<p>{}</p>").format(Markup("<br>\n").join(lines))
        case Kind.LINES:
            # commands and what a server said run from the left in every language
            way = Markup(' dir="ltr"') if rtl and not any(map(_from_right, block.lines)) else ""
            return Markup('<pre{} style="white-space: pre-wrap">{}</pre>').format(
                way, Markup("\n").join(lines)
            )


def _items(lines: list[Markup]) -> Markup:
    return Markup("\n").join(Markup("<li>{}</li>").format(line) for line in lines)


def _linked(line: str, links: frozenset[str], *, rtl: bool) -> Markup:
    """The line escaped; it is clickable if it is one of our links and nothing else."""
    if line in links:
        return Markup('<a href="{0}">{0}</a>').format(line)
    if rtl and _from_right(line):
        return Markup(_WHOLE.sub(r'<bdi dir="ltr">\g<0></bdi>', str(escape(line))))  # noqa: S704 - escaped
    return escape(line)
