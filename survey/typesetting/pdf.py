"""A PDF that is archived and read aloud: PDF/A-2a and PDF/UA-1 together.

The words go to typst as one JSON value, never as source, so nothing in them can act.  Only our own
fonts are used; a character that none of them has is shown by its number, as PDF/A wants.
"""

import json
from datetime import datetime
from functools import cache
from importlib.resources import as_file, files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Literal

import typst

STANDARDS: list[Literal["a-2a", "ua-1"]] = ["a-2a", "ua-1"]


def set_pdf(template: Traversable, document: object, made: datetime) -> bytes:
    """One document as the template sets it; the same document gives the same bytes.

    Args:
        template: A ``.typ`` file in a folder of its own, which reads ``sys.inputs.document``.
        document: What JSON can hold.
        made: Its date, with a zone.
    """
    with as_file(template) as path:
        compiler = _compiler(path)
    pdf = compiler.compile(
        format="pdf",
        sys_inputs={"document": json.dumps(_shown(document), ensure_ascii=False)},
        pdf_standards=[*STANDARDS],
        timestamp=int(made.timestamp()),
    )
    assert isinstance(pdf, bytes)  # one file, not a page each
    return pdf


@cache
def covered() -> frozenset[int]:
    """Characters that our fonts have, from the list made with them."""
    text = (files(__package__) / "fonts" / "covered.txt").read_text(encoding="ascii")
    spans = (line.split("-") for line in text.split())
    return frozenset(
        point for first, last in spans for point in range(int(first, 16), int(last, 16) + 1)
    )


@cache
def _compiler(template: Path) -> typst.Compiler:
    """One a template for all documents of a process: it reads the fonts once."""
    with as_file(files(__package__) / "fonts") as fonts:
        return typst.Compiler(
            str(template),
            root=str(template.parent),
            font_paths=[str(fonts)],
            ignore_system_fonts=True,
        )


def _shown(value: Any) -> Any:
    """The same value, its texts as the fonts can show them."""
    match value:
        case dict():
            return {name: _shown(one) for name, one in value.items()}
        case list() | tuple():
            return [_shown(one) for one in value]
        case str():
            return value.translate(_unknown(value))
        case _:
            return value


def _unknown(text: str) -> dict[int, str]:
    """What to show instead of characters that no font of ours has."""
    known = covered()
    points = {ord(letter) for letter in text}
    return {point: f"\\u{point:04x}" for point in points if point not in known}
