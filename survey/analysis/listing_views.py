"""The views of public listings: ``listings``, ``listing_names``, and ``listed`` beside findings.

As of today: a finding of last week shows what is said of its server now.
"""

from collections.abc import Iterable
from datetime import date
from pathlib import Path

import pyarrow as pa

from survey.analysis.database import Connection, hold
from survey.analysis.queries import query
from survey.storage.layout import Layout
from survey.storage.registries import Snapshot, SnapshotKind, in_force_by_source
from survey.storage.schemas import LISTING_NAMES, LISTING_RANGES, UTC


def make_listing_views(connection: Connection, layout: Layout, today: date) -> list[Path]:
    """Make them, over the views ``findings`` and ``listing_checks``; the files that they read."""
    copies = in_force_by_source(layout, SnapshotKind.LISTING, today)
    named = [one for one in copies if one.names.is_file()]
    _show(connection, "stored.listing_ranges", LISTING_RANGES, ((one, one.table) for one in copies))
    _show(connection, "listing_names", LISTING_NAMES, ((one, one.names) for one in named))
    connection.execute(query("listings"))
    connection.execute(query("listed"))
    return [*(one.table for one in copies), *(one.names for one in named)]


def _show(
    connection: Connection, name: str, schema: pa.Schema, files: Iterable[tuple[Snapshot, Path]]
) -> None:
    """Make ``name`` all rows of some copies, each with its copy's id and when it was fetched."""
    parts = [_rows_of(copy, path, schema) for copy, path in files]
    if parts:
        connection.execute(f"CREATE VIEW {name} AS {' UNION ALL '.join(parts)}")
        return
    more = (pa.field("snapshot", pa.string()), pa.field("last_seen", UTC))
    hold(connection, name, pa.schema([*schema, *more]).empty_table())


def _rows_of(copy: Snapshot, path: Path, schema: pa.Schema) -> str:
    """A view can't bind values; the id, the time and the path are ours."""
    file = str(path).replace("'", "''")
    return (
        f"SELECT {', '.join(schema.names)}, '{copy.id}' AS snapshot, "  # noqa: S608
        f"TIMESTAMPTZ '{copy.retrieved_at.isoformat()}' AS last_seen FROM read_parquet('{file}')"
    )
