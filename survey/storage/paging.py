"""How findings are laid out inside their file, so that one address is found in it quickly.

Of a row group that holds the address a reader unpacks whole pages, so these are small.  Numbers
that hardly repeat are kept as differences: a dictionary of them is larger than they are.  Decision
0221.
"""

from typing import Any

import pyarrow as pa

from survey.storage.schemas import FINDINGS

PAGE_ROWS = 2_048
"""Rows of one page: as many as DuckDB looks at in one go."""

_RISING = ("ip", "first_seen", "last_seen")


def paging(schema: pa.Schema) -> dict[str, Any]:
    """What a ``ParquetWriter`` of a table is told besides; nothing but for findings."""
    if schema.names != FINDINGS.names:
        return {}
    return {
        "max_rows_per_page": PAGE_ROWS,
        "use_dictionary": [_path(field) for field in schema if field.name not in _RISING],
        "column_encoding": dict.fromkeys(_RISING, "DELTA_BINARY_PACKED"),
    }


def _path(field: pa.Field) -> str:
    """Where Parquet has the values of a column."""
    return f"{field.name}.list.element" if pa.types.is_list(field.type) else str(field.name)
