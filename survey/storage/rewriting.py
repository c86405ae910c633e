"""A Parquet file written again with some rows taken out or altered; it is replaced whole.

Readers that have the old file open go on with it.  What the footer says is kept, and statistics and
dictionaries are those of the rows that are left.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from survey.errors import StorageError
from survey.storage.files import replacing
from survey.storage.paging import paging

_OWN = b"ARROW:schema"
"""Written by the library itself."""


@dataclass(frozen=True, slots=True, eq=False)
class Changed:
    """Some rows after a change.

    Attributes:
        rows: What is left.
        gone: How many rows are not in it.
        altered: How many rows of it are not as they were.
    """

    rows: pa.Table
    gone: int
    altered: int


Change = Callable[[pa.Table], Changed]


def count_changes(path: Path, change: Change) -> tuple[int, int]:
    """How many rows a change takes out and alters.

    Raises:
        StorageError: The file is damaged.
    """
    try:
        with pq.ParquetFile(path) as file:
            parts = [change(file.read_row_group(number)) for number in range(file.num_row_groups)]
    except (OSError, pa.ArrowException) as error:
        raise StorageError(f"{path}: can't be read: {error}") from error
    return sum(part.gone for part in parts), sum(part.altered for part in parts)


def rewrite(path: Path, change: Change, footer: Mapping[bytes, bytes] | None = None) -> None:
    """Write the file again with the change made, and these words of the footer said anew.

    Raises:
        StorageError: The file is damaged, or there is no room; it stays as it was.
    """
    try:
        with pq.ParquetFile(path) as file, replacing(path) as part:
            said = {**(file.metadata.metadata or {}), **(footer or {})}
            said.pop(_OWN, None)
            schema = file.schema_arrow.with_metadata(said)
            with pq.ParquetWriter(
                part,
                schema,
                compression="zstd",
                sorting_columns=_order(file.metadata),
                **paging(schema),
            ) as writer:
                for number in range(file.num_row_groups):
                    rows = change(file.read_row_group(number)).rows
                    if rows.num_rows:
                        writer.write_table(rows.replace_schema_metadata(said))
    except (OSError, pa.ArrowException) as error:
        raise StorageError(f"{path}: can't be written again: {error}") from error


def no_rows(table: pa.Table) -> Changed:
    """Takes out every row."""
    return Changed(table.slice(0, 0), table.num_rows, 0)


def without_bytes(*columns: str) -> Change:
    """Empties these columns of bytes, in every row."""

    def change(table: pa.Table) -> Changed:
        rows = table
        for name in columns:
            at = rows.schema.get_field_index(name)
            field = rows.schema.field(at)
            rows = rows.set_column(at, field, pa.array([b""] * rows.num_rows, field.type))
        return Changed(rows, 0, rows.num_rows)

    return change


def _order(metadata: pq.FileMetaData) -> "tuple[pq.SortingColumn, ...] | None":
    if not metadata.num_row_groups:
        return None
    return tuple(metadata.row_group(0).sorting_columns) or None
