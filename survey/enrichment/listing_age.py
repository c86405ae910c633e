"""Since when an entry has been in a public database, as far as our own copies can tell.

Zone files and plain lists have no dates.  An entry's age is then that of the first of our copies of
the same source that has it and is followed, without a gap, by copies that have it.
"""

from datetime import datetime

import pyarrow.parquet as pq

from survey.enrichment.content import Content
from survey.storage.layout import Layout
from survey.storage.registries import Snapshot, SnapshotKind, list_snapshots

Rows = list[tuple[object, ...]]


def with_age(layout: Layout, content: Content, source: str, moment: datetime) -> tuple[Rows, Rows]:
    """Ranges and names of a listing, each with the last column of its schema, ``seen_since``.

    Args:
        layout: Where earlier copies are.
        content: What the new copy says.
        source: Who publishes it.
        moment: When the new copy was fetched, UTC.
    """
    before = _copy_before(layout, source, moment)
    ranges = {} if before is None else _known(before, ("range_start", "range_end", "listing"))
    names = {} if before is None else _known(before, ("name", "below", "listing"))
    return (
        [(*row, ranges.get(row[:3], moment)) for row in content.rows],
        [(*row, names.get(row[:3], moment)) for row in content.names],
    )


def _copy_before(layout: Layout, source: str, moment: datetime) -> Snapshot | None:
    earlier = [
        one
        for one in list_snapshots(layout, SnapshotKind.LISTING)
        if one.source == source and one.retrieved_at < moment
    ]
    return earlier[-1] if earlier else None


def _known(snapshot: Snapshot, key: tuple[str, ...]) -> dict[tuple[object, ...], datetime]:
    """Key of each entry, and since when it has been in our copies."""
    path = snapshot.names if "name" in key else snapshot.table
    if not path.is_file():
        return {}
    table = pq.read_table(path, columns=[*key, "seen_since"])
    columns = [table[name].to_pylist() for name in table.column_names]
    known: dict[tuple[object, ...], datetime] = {}
    for *values, since in zip(*columns, strict=True):
        entry = tuple(values)
        known[entry] = min(since, known.get(entry, since))
    return known
