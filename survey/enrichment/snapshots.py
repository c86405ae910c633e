"""Dated, immutable copies of outside data: who says what about which addresses.

An import reads a publisher's file whole, refuses it whole if one line is broken, sorts it, and
writes it once.  A row of a later table names the snapshot it was made with, so that any table can
be made again.
"""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from survey.enrichment.formats import READERS, Format, recognise
from survey.enrichment.listing_age import with_age
from survey.enrichment.source_file import read_source
from survey.errors import ConfigError
from survey.storage.files import creating
from survey.storage.layout import Layout
from survey.storage.registries import (
    DESCRIPTION,
    NAMES,
    Snapshot,
    SnapshotKind,
    describe,
    read_snapshot,
)
from survey.storage.schemas import LISTING_NAMES


def import_snapshot(
    layout: Layout,
    kind: SnapshotKind,
    *source_files: Path,
    source: str = "",
    licence: str = "",
    attribution: str = "",
    retrieved_at: datetime | None = None,
    written_as: Format | None = None,
) -> Snapshot:
    """Import a publisher's file as a snapshot; the same file on the same day is imported once.

    The formats are in docs/registries.md.

    Args:
        layout: Where to put it.
        kind: What the file says.
        source_files: The file; several only if one publisher spreads one table over them, as the
            five regional registries do.
        source: Name of who publishes it; the file's name without its endings if not given.
        licence: Its terms, one line.
        attribution: The line that its terms ask for wherever it is used.
        retrieved_at: When it was fetched, UTC; now if not given.
        written_as: Its format; told from its content if not given.

    Raises:
        ConfigError: A file can't be read, or one line is broken or overlaps another; nothing is
            left behind.
    """
    kind = SnapshotKind(kind)
    moment = (retrieved_at or datetime.now(UTC)).astimezone(UTC)
    origin = source or source_files[0].name.partition(".")[0]
    files = [read_source(path) for path in source_files]
    mark = hashlib.sha256(origin.encode() + b"\n" + b"".join(file.data for file in files))
    id_ = f"{kind}-{moment.date().isoformat()}-{mark.hexdigest()[:8]}"
    folder = layout.registries / kind / id_
    if (folder / DESCRIPTION).is_file():
        return read_snapshot(folder / DESCRIPTION)
    read = READERS[kind].get(written_as or recognise(files[0], kind))
    if read is None:
        raise ConfigError(
            source_files[0],
            "--format",
            f"{written_as} makes no {kind} snapshot",
            f"one of {', '.join(READERS[kind])}",
        )
    content = read(files, origin)
    if not (content.rows or content.names):
        raise ConfigError(source_files[0], "", "holds no usable line", "give the publisher's file")
    rows, names = content.rows, content.names
    if kind is SnapshotKind.LISTING:
        rows, names = with_age(layout, content, origin, moment)
        if names:
            _write_table(folder / NAMES, names, LISTING_NAMES)
    _write_table(folder / kind.file, rows, kind.schema)
    snapshot = Snapshot(
        id=id_,
        kind=kind,
        source=origin,
        licence=licence,
        attribution=attribution,
        retrieved_at=moment,
        sha256=hashlib.sha256(b"".join(file.raw for file in files)).hexdigest(),
        rows=len(content.rows) + len(content.names),
        notes=content.notes,
        table=folder / kind.file,
    )
    try:
        with creating(folder / DESCRIPTION) as part:
            part.write_text(describe(snapshot), encoding="utf-8")
    except FileExistsError:  # somebody imported the same file at the same time
        return read_snapshot(folder / DESCRIPTION)
    return snapshot


def _write_table(path: Path, rows: Sequence[tuple[object, ...]], schema: pa.Schema) -> None:
    table = schema.empty_table()
    if rows:
        columns = zip(*rows, strict=True)
        arrays = [pa.array(some, field.type) for some, field in zip(columns, schema, strict=True)]
        table = pa.table(arrays, schema=schema)
    try:
        with creating(path) as part:
            pq.write_table(table, part, compression="zstd")
    except FileExistsError:
        pass  # whole already: an import that died before its description was written
