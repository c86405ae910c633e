"""Lists of addresses that public databases hand out as text: plain ones, Shadowserver's reports."""

import csv
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from operator import itemgetter

from survey.enrichment.content import Content
from survey.enrichment.lines import address, name_text
from survey.enrichment.source_file import SourceFile
from survey.targets.ranges import parse_cidr

_TIMES = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%SZ", "%Y-%m-%dT%H:%M:%SZ")


def read_plain(files: Sequence[SourceFile], listing: str) -> Content:
    """One address, CIDR or range (``192.0.2.1-192.0.2.9``) a line; ``#`` or ``;`` begins a comment.

    Raises:
        ConfigError: A line holds something else.
    """
    return _content(row for file in files for row in _plain_rows(file, listing))


def read_shadowserver(files: Sequence[SourceFile], listing: str) -> Content:
    """A report's CSV: a header line that names ``timestamp`` and ``ip``, then one row per finding.

    What it says of an address is when it was seen, its tag, protocol and port.

    Raises:
        ConfigError: There is no such header, or a row has another length, time or address.
    """
    return _content(row for file in files for row in _report_rows(file, listing))


def _content(rows: Iterator[tuple[object, ...]]) -> Content:
    return Content(sorted(rows, key=itemgetter(0, 1)))


def _plain_rows(file: SourceFile, listing: str) -> Iterator[tuple[object, ...]]:
    for number, line in file.lines():
        text = line.partition("#")[0].partition(";")[0].strip()
        if not text:
            continue
        first, dash, last = (part.strip() for part in text.partition("-"))
        try:
            if dash:
                start, end = address(first), address(last)
            else:
                part = parse_cidr(text)
                start, end = part.start, part.end
        except ValueError as error:
            problem, _, cure = str(error).partition("; ")
            raise file.wrong(number, problem, cure) from error
        if start > end:
            raise file.wrong(number, "the range ends before it starts", "swap the two")
        yield start, end, listing, None, None, None


def _report_rows(file: SourceFile, listing: str) -> Iterator[tuple[object, ...]]:
    places: dict[str, int] = {}
    for number, fields in _records(file):
        if not places:
            places = {name.strip().strip('"').lower(): at for at, name in enumerate(fields)}
            if not places.keys() >= {"timestamp", "ip"}:
                raise file.wrong(
                    number, "the header names no timestamp and ip", "give the report as it came"
                )
            width = len(fields)
            continue
        if len(fields) != width:
            raise file.wrong(
                number,
                f"has {len(fields)} fields, the header {width}",
                "give the report as it came",
            )
        said = {name: fields[at].strip() for name, at in places.items()}
        try:
            ip, seen = address(said["ip"]), _moment(said["timestamp"])
        except ValueError as error:
            problem, _, cure = str(error).partition("; ")
            raise file.wrong(number, problem, cure) from error
        yield ip, ip, listing, seen, None, _reason(said)


def _records(file: SourceFile) -> Iterator[tuple[int, list[str]]]:
    """Records with the number of their last line; a field in quotes may hold line ends."""
    at = 0

    def fed() -> Iterator[str]:
        nonlocal at
        for at, line in file.lines():  # noqa: B007 - a record ends at the line that came last
            yield f"{line}\n"

    reader = csv.reader(fed(), strict=True)
    while True:
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise file.wrong(at, f"is no CSV ({error})", "give the report as it came") from error
        yield at, fields


def _moment(text: str) -> datetime:
    for form in _TIMES:
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC)
        except ValueError:
            continue
    raise ValueError(f"{text[:40]!r} is no time; write it like 2026-11-23 09:00:00")


def _reason(said: dict[str, str]) -> str | None:
    where = "/".join(filter(None, (said.get("protocol", ""), said.get("port", ""))))
    words = (said.get("tag", "").replace(";", " "), where, said.get("severity", ""))
    return name_text(", ".join(filter(None, words))) or None
