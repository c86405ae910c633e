"""A report as a PDF: its page's words and figures on paper, never a list of hosts."""

from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

from survey.reports.document import Document
from survey.typesetting.pdf import set_pdf

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
    return set_pdf(files(__package__) / "page" / "report.typ", _plain(document), made)


def _plain(value: object) -> Any:
    """Records as JSON objects, each with its kind; drawings with the page's colours."""
    if is_dataclass(value):
        found = {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
        if "svg" in found:
            head, _, rest = found["svg"].partition(">")
            found["svg"] = f"{head}>{_STYLE}{rest}"
        return found | {"kind": found.get("kind", type(value).__name__)}
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return value
