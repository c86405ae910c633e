"""A letter on the agency's paper: the words of its mail, as a PDF that can be posted."""

import re
from datetime import UTC, datetime
from importlib.resources import files
from itertools import pairwise
from typing import Any

from survey.model.language import direction
from survey.model.letter import LetterKind
from survey.notify.markup import Block, Kind
from survey.notify.notice import Notice
from survey.notify.rendered import MARKING, Letter
from survey.notify.strangers import show_name
from survey.notify.wrapping import joined
from survey.storage.logo import Logo, read_logo
from survey.typesetting.pdf import set_pdf

_NAME = 50
_GAP = re.compile(r" {2,}")
_QUOTE = "> "
"""Before what a server said, which is shown as it said it."""


def on_paper(letter: Letter, notice: Notice) -> bytes:
    """The letter on A4 under the agency's head; the same letter is the same bytes every time.

    Its date is that of the last fact in it.

    Raises:
        ConfigError: The agency's logo can't be used; what is wrong with it, and the cure.
    """
    agency = notice.agency
    made = _as_of(notice).astimezone(UTC)
    document = {
        "language": letter.language,
        "right_to_left": direction(letter.language) == "rtl",
        "title": letter.subject.replace(f"{MARKING} | ", ""),
        "marking": MARKING,
        "case": notice.case,
        "day": f"{made:%Y-%m-%d}",
        "agency": {"name": agency.name, "page": agency.page, "contact": agency.contact},
        "logo": _picture(read_logo(agency.logo)) if agency.logo else None,
        "reader": [
            line for line in (show_name(notice.contact.name, _NAME), notice.contact.email) if line
        ],
        "links": sorted(letter.links),
        "blocks": [_plain(block) for block in letter.blocks],
    }
    return set_pdf(files(__package__) / "page" / "letter.typ", document, made)


def _as_of(notice: Notice) -> datetime:
    if notice.kind is LetterKind.THANKS and notice.closed_at is not None:
        return notice.closed_at
    return notice.server.last_seen


def _picture(logo: Logo) -> dict[str, Any]:
    return {"format": logo.format, "data": list(logo.data)}


def _plain(block: Block) -> dict[str, Any]:
    """One block as the template takes it."""
    match block.kind:
        case Kind.HEADING | Kind.PARAGRAPH:
            return {"kind": block.kind.value, "lines": [joined(block.lines)]}
        case Kind.STEPS:
            numbers, steps = zip(*(line.split(". ", 1) for line in block.lines), strict=True)
            return {"kind": block.kind.value, "lines": list(steps), "start": int(numbers[0])}
        case Kind.LINES if rows := _rows(block.lines):
            return {"kind": "table", "rows": rows}
        case _:
            return {"kind": block.kind.value, "lines": list(block.lines)}


def _rows(lines: tuple[str, ...]) -> list[list[str]]:
    """Cells of lines that stand in columns, set apart by two spaces or more; else nothing."""
    if any(line.startswith(_QUOTE) for line in lines):
        return []
    rows = [_GAP.split(line) for line in lines]
    if all(len(row) > 1 and row[0] for row in rows) and all(
        len(one) == len(other) for one, other in pairwise(rows)
    ):
        return rows
    return []
