"""One XLSX workbook for people: no formula and no link can come out of a stranger's text."""

import io
from collections.abc import Iterator, Sequence
from datetime import datetime

import xlsxwriter

from survey.reports.feeds.about import SCHEMA_VERSION, About
from survey.reports.feeds.row import Row
from survey.reports.feeds.table import COLUMNS, cells

_SHEET_ROWS = 1_048_575
"""What Excel takes in one sheet, less the header."""
_LONGEST = 32_767
"""What it takes in one cell."""


def workbook_files(about: About, rows: Sequence[Row]) -> Iterator[tuple[str, int, bytes]]:
    """The one workbook: rows, and what the columns mean."""
    made = io.BytesIO()
    book = xlsxwriter.Workbook(
        made,
        {
            "in_memory": True,
            "constant_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
            "remove_timezone": True,
            "default_date_format": "yyyy-mm-dd hh:mm:ss",
        },
    )
    book.set_properties(
        {
            "title": f"Open servers, {about.run}",
            "author": about.operator,
            "comments": about.agency.tlp,
            "created": about.generated_at.replace(tzinfo=None),
        }
    )
    bold = book.add_format({"bold": True})
    for number, first in enumerate(range(0, max(1, len(rows)), _SHEET_ROWS), start=1):
        sheet = book.add_worksheet("Open servers" if number == 1 else f"Open servers {number}")
        sheet.freeze_panes(1, 0)
        sheet.set_footer(f"&R{about.agency.tlp}")
        for place, (name, _) in enumerate(COLUMNS):
            sheet.write_string(0, place, name, bold)
        part = rows[first : first + _SHEET_ROWS]
        for line, row in enumerate(part, start=1):
            for place, value in enumerate(cells(row)):
                _write(sheet, line, place, value)
        sheet.autofilter(0, 0, len(part), len(COLUMNS) - 1)
    notes = book.add_worksheet("Read me")
    notes.set_column(0, 0, 20)
    notes.set_column(1, 1, 100)
    facts = [
        ("For", about.agency.name),
        ("Marking", about.agency.tlp),
        ("Run", f"{about.campaign} {about.run}"),
        ("Tested", f"{about.started_at:%Y-%m-%d %H:%M} to {about.finished_at:%Y-%m-%d %H:%M} UTC"),
        ("From", f"{about.operator}, {about.contact}, {about.page}"),
        ("Schema", SCHEMA_VERSION),
        ("Column", "Meaning"),
        *COLUMNS,
    ]
    for line, (name, text) in enumerate(facts):
        notes.write_string(line, 0, name, bold)
        notes.write_string(line, 1, text)
    book.close()
    yield about.file("open_servers", "xlsx"), len(rows), made.getvalue()


def _write(sheet: xlsxwriter.worksheet.Worksheet, line: int, place: int, value: object) -> None:
    """Text is written as text, whatever it looks like."""
    match value:
        case None:
            pass
        case bool():
            sheet.write_boolean(line, place, value)
        case int():
            sheet.write_number(line, place, value)
        case datetime():
            sheet.write_datetime(line, place, value)
        case _:
            sheet.write_string(line, place, str(value)[:_LONGEST])
