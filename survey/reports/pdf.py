"""A document as a PDF that is archived and read aloud: PDF/A-2a and PDF/UA-1 together.

The words go to typst as one JSON value, never as source, so nothing in them can act.  Only our own
fonts are used; a character that none of them has is shown by its number, as PDF/A wants.
"""

import json
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.resources import as_file, files
from typing import Any, Literal

import typst

from survey.reports.document import Document

STANDARDS: list[Literal["a-2a", "ua-1"]] = ["a-2a", "ua-1"]

_STYLE = (
    '<style>text{font:13px "Noto Sans","Noto Sans Arabic","Noto Sans CJK JP","Noto Sans CJK SC";'
    "fill:#545f67}.grid{stroke:#cfcfc8;fill:none}.line{fill:none;stroke-width:2}"
    ".line.all{stroke:#1b2227;stroke-width:3}.line.relay{stroke:#0f4c5c}"
    ".line.proxy{stroke:#bd7a1f;stroke-dasharray:6 3}.line.told{stroke:#0f4c5c;stroke-width:3}"
    ".line.untold{stroke:#8a5a12;stroke-width:3;stroke-dasharray:6 3}.dot.all{fill:#1b2227}"
    ".dot.relay{fill:#0f4c5c}.dot.proxy{fill:#bd7a1f}.sea{fill:#f1f4f3}"
    ".land{fill:#dcdcd6;stroke:#f1f4f3}.own{fill:#0f4c5c;stroke:#f1f4f3}.own-0{fill-opacity:.25}"
    ".own-1{fill-opacity:.4}.own-2{fill-opacity:.6}.own-3{fill-opacity:.8}</style>"
)
"""The page's light colours, for drawings."""


def render_pdf(document: Document) -> bytes:
    """The whole document; the same document gives the same bytes."""
    made = datetime.fromisoformat(document.day).replace(tzinfo=UTC)
    pdf = _compiler().compile(
        format="pdf",
        sys_inputs={"document": json.dumps(_plain(document), ensure_ascii=False)},
        pdf_standards=[*STANDARDS],
        timestamp=int(made.timestamp()),
    )
    assert isinstance(pdf, bytes)  # one file, not a page each
    return pdf


@cache
def _compiler() -> typst.Compiler:
    """One for all reports of a process: it reads the fonts once."""
    with as_file(files(__package__)) as folder:
        template = folder / "page" / "report.typ"
        return typst.Compiler(
            str(template),
            root=str(template.parent),
            font_paths=[str(folder / "fonts")],
            ignore_system_fonts=True,
        )


def _plain(value: object) -> Any:
    """Records as JSON objects, each with its kind; texts as the fonts can show them."""
    if is_dataclass(value):
        found = {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
        if "svg" in found:
            head, _, rest = found["svg"].partition(">")
            found["svg"] = f"{head}>{_STYLE}{rest}"
        return found | {"kind": found.get("kind", type(value).__name__)}
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    if isinstance(value, str):
        return value.translate(_unknown(value))
    return value


def _unknown(text: str) -> dict[int, str]:
    """What to show instead of characters that no font of ours has."""
    known = _covered()
    points = {ord(letter) for letter in text}
    return {point: f"\\u{point:04x}" for point in points if point not in known}


@cache
def _covered() -> frozenset[int]:
    """Characters that our fonts have, from the list made with them."""
    text = (files(__package__) / "fonts" / "covered.txt").read_text(encoding="ascii")
    spans = (line.split("-") for line in text.split())
    return frozenset(
        point for first, last in spans for point in range(int(first, 16), int(last, 16) + 1)
    )
