"""Dated, immutable copies of outside data: who says what about which addresses.

An import reads a publisher's file whole, refuses it whole if one line is broken, sorts it, and
writes it once.  A row of a later table names the snapshot it was made with, so that any table can
be made again.
"""

import csv
import gzip
import hashlib
import itertools
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from survey.enrichment.lines import Row, contact_row, country_row, listing_row, network_row
from survey.errors import ConfigError
from survey.model.address import format_ip
from survey.storage.files import creating
from survey.storage.layout import Layout
from survey.storage.registries import (
    DESCRIPTION,
    RANGES,
    Snapshot,
    SnapshotKind,
    describe,
    read_snapshot,
)

Parse = Callable[[Sequence[str]], Row | None]

_HEADER = re.compile(r"(ip_?)?(range_?)?(start|from|first|network)(_ip)?", re.IGNORECASE)


class _Line(NamedTuple):
    """A row and where it stands in the file; sorts by address, then by place."""

    row: Row
    number: int


def import_snapshot(
    layout: Layout,
    kind: SnapshotKind,
    source_file: Path,
    *,
    source: str = "",
    licence: str = "",
    retrieved_at: datetime | None = None,
) -> Snapshot:
    """Import a publisher's file as a snapshot; the same file on the same day is imported once.

    Formats (one range a line, a header line is allowed, ``.gz`` is unpacked):

    - country: CSV ``range_start,range_end,country_code``
    - network: TSV ``range_start range_end asn country name`` (as iptoasn.com publishes)
    - contact: CSV ``range_start,range_end,email,name,language``
    - listing: CSV ``range_start,range_end,listing,since``, or one address or CIDR a line, listed by
      ``source``

    Addresses are numbers or dotted.  Ranges of a listing may overlap, those of the others not.

    Args:
        layout: Where to put it.
        kind: What the file says.
        source_file: The file.
        source: Name of who publishes it; the file's name without its endings if not given.
        licence: Its terms, one line.
        retrieved_at: When it was fetched, UTC; now if not given.

    Raises:
        ConfigError: The file can't be read, or one line is broken or overlaps another; nothing is
            left behind.
    """
    kind = SnapshotKind(kind)
    moment = (retrieved_at or datetime.now(UTC)).astimezone(UTC)
    origin = source or source_file.name.partition(".")[0]
    data = _read(source_file)
    mark = hashlib.sha256(origin.encode() + b"\n" + data).hexdigest()[:8]
    id_ = f"{kind}-{moment.date().isoformat()}-{mark}"
    folder = layout.registries / kind / id_
    if (folder / DESCRIPTION).is_file():
        return read_snapshot(folder / DESCRIPTION)
    lines = _lines(source_file, data, kind, origin)
    _write_ranges(folder / RANGES, [line.row for line in lines], kind)
    snapshot = Snapshot(
        id=id_,
        kind=kind,
        source=origin,
        licence=licence,
        retrieved_at=moment,
        sha256=hashlib.sha256(data).hexdigest(),
        rows=len(lines),
        ranges=folder / RANGES,
    )
    try:
        with creating(folder / DESCRIPTION) as part:
            part.write_text(describe(snapshot), encoding="utf-8")
    except FileExistsError:  # somebody imported the same file at the same time
        return read_snapshot(folder / DESCRIPTION)
    return snapshot


def _read(path: Path) -> bytes:
    try:
        data = path.read_bytes()
        return gzip.decompress(data) if path.suffix == ".gz" else data
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError(
            path, "", f"can't be read ({reason})", "give the publisher's file"
        ) from error


def _lines(path: Path, data: bytes, kind: SnapshotKind, source: str) -> list[_Line]:
    """Every row of the file, sorted, checked."""
    parse: Parse = {
        SnapshotKind.COUNTRY: country_row,
        SnapshotKind.NETWORK: network_row,
        SnapshotKind.CONTACT: contact_row,
        SnapshotKind.LISTING: lambda fields: listing_row(fields, source),
    }[kind]
    lines = []
    for number, fields in _records(path, data, "\t" if kind is SnapshotKind.NETWORK else ","):
        try:
            row = parse(fields)
        except ValueError as error:
            problem, _, cure = str(error).partition("; ")
            raise ConfigError(path, f"line {number}", problem, cure) from error
        if row is not None:
            lines.append(_Line(row, number))
    if not lines:
        raise ConfigError(path, "", "holds no address range", "give the publisher's file")
    lines.sort(key=lambda line: (line.row.start, line.row.end, line.number))
    if kind is not SnapshotKind.LISTING:
        _refuse_overlaps(path, lines)
    return lines


def _records(path: Path, data: bytes, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Line number and fields of every line that says something."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        number = data[: error.start].count(b"\n") + 1
        raise ConfigError(path, f"line {number}", "is not UTF-8", "save it as UTF-8") from error
    begun = False
    # not splitlines(): it also breaks lines at characters that a name may hold
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip() or line.startswith(("#", ";")):
            continue
        fields = _fields(path, number, line.rstrip("\r"), delimiter)
        if begun or not _HEADER.fullmatch(fields[0].strip()):
            yield number, fields
        begun = True


def _fields(path: Path, number: int, line: str, delimiter: str) -> list[str]:
    """The fields of one line; a quotation mark left open ends with the line."""
    if delimiter == "\t":  # TSV knows no quotes: a name may hold a lone one
        return line.split(delimiter)
    try:
        return next(csv.reader([line], delimiter=delimiter))
    except csv.Error as error:
        raise ConfigError(path, f"line {number}", f"is no CSV ({error})", "correct it") from error


def _refuse_overlaps(path: Path, lines: Sequence[_Line]) -> None:
    for before, line in itertools.pairwise(lines):
        if line.row.start <= before.row.end:
            first, second = sorted((before.number, line.number))
            raise ConfigError(
                path,
                f"line {second}",
                f"overlaps line {first} at {format_ip(line.row.start)}",
                "keep one of the two",
            )


def _write_ranges(path: Path, rows: Sequence[Row], kind: SnapshotKind) -> None:
    columns = [[row.start for row in rows], [row.end for row in rows]]
    columns += [list(column) for column in zip(*(row.rest for row in rows), strict=True)]
    schema = kind.schema
    arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
    try:
        with creating(path) as part:
            pq.write_table(pa.table(arrays, schema=schema), part, compression="zstd")
    except FileExistsError:
        pass  # whole already: an import that died before its description was written
