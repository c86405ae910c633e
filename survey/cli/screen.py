"""What a person or a program sees: JSON on stdout where asked for, all else on stderr."""

import dataclasses
import json
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from survey.model.address import Range, format_ip

console = Console(stderr=True, highlight=False)
"""Everything that is not a result."""


def say(line: str) -> None:
    """One line for a person, on stderr; no markup in it is obeyed."""
    console.print(Text(line), soft_wrap=True)


def document(value: object) -> None:
    """One JSON document on stdout."""
    json.dump(_plain(value), sys.stdout, ensure_ascii=False, indent=2)
    sys.stdout.write("\n")


def table(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table on stdout; numbers to the right, a stranger's text shown but never obeyed."""
    shown = Table(box=None, pad_edge=False, header_style="bold")
    body = [[*row] for row in rows]
    for index, header in enumerate(headers):
        numeric = all(isinstance(row[index], int | float) for row in body if row[index] is not None)
        shown.add_column(header, justify="right" if body and numeric else "left", no_wrap=True)
    for row in body:
        shown.add_row(*(Text(_text(value)) for value in row))
    width = None if sys.stdout.isatty() else 10_000  # a pipe gets whole lines
    Console(highlight=False, width=width).print(shown)


def facts(pairs: Iterable[tuple[str, object]]) -> None:
    """Names and values, one pair a line, aligned, on stderr."""
    lines = [(name, _text(value)) for name, value in pairs]
    width = max(len(name) for name, _ in lines)
    for name, value in lines:
        say(f"{name:<{width}}  {value}")


def _text(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.2f}"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S} UTC"
    text = str(value)
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text)


def _plain(value: object) -> object:
    match value:
        case Range():
            plain: object = f"{format_ip(value.start)}-{format_ip(value.end)}"
        case dict():
            plain = {str(key): _plain(part) for key, part in value.items()}
        case list() | tuple() | set() | frozenset():
            plain = [_plain(part) for part in value]
        case datetime():
            plain = value.isoformat()
        case bytes():
            plain = value.decode("utf-8", "backslashreplace")
        case Path():
            plain = str(value)
        case _ if dataclasses.is_dataclass(value) and not isinstance(value, type):
            names = [field.name for field in dataclasses.fields(value)]
            plain = {name: _plain(getattr(value, name)) for name in names}
        case _:
            plain = value
    return plain
