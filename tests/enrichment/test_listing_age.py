"""An entry without a date is as old as the first of our copies in a row that has it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from survey.enrichment.formats import Format
from survey.enrichment.snapshots import import_snapshot
from survey.model.address import format_ip
from survey.storage.layout import Layout
from survey.storage.registries import SnapshotKind

FIRST = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """An empty data directory."""
    return Layout(tmp_path / "data")


def copy(layout: Layout, day: int, text: str, source: str = "bl.example") -> dict[str, int]:
    """Import a zone on a day; for each address or name, the day since which it was seen."""
    path = layout.root.parent / "zone"
    path.write_text(text)
    snapshot = import_snapshot(
        layout,
        SnapshotKind.LISTING,
        path,
        source=source,
        written_as=Format.DNSET,
        retrieved_at=FIRST + timedelta(days=day),
    )
    ages = {}
    for table, key in ((snapshot.table, "range_start"), (snapshot.names, "name")):
        for row in pq.read_table(table).to_pylist() if table.exists() else ():
            name = format_ip(row[key]) if key == "range_start" else row[key]
            ages[name] = (row["seen_since"] - FIRST).days
    return ages


def test_an_entry_keeps_its_age_from_copy_to_copy(layout: Layout) -> None:
    """A new one is as old as the copy; one that was gone for a while begins anew."""
    assert copy(layout, 0, "10.1.0.10\na.example\n") == {"10.0.1.10": 0, "a.example": 0}
    assert copy(layout, 1, "10.1.0.10\n10.2.0.10\nb.example\n") == {
        "10.0.1.10": 0,
        "10.0.2.10": 1,
        "b.example": 1,
    }
    assert copy(layout, 2, "10.2.0.10\na.example\n") == {"10.0.2.10": 1, "a.example": 2}
    assert copy(layout, 3, "10.1.0.10\n10.2.0.10\n") == {"10.0.1.10": 3, "10.0.2.10": 1}


def test_an_older_copy_that_comes_late_changes_nothing(layout: Layout) -> None:
    """What was known then is what was fetched before."""
    assert copy(layout, 5, "10.1.0.10\n") == {"10.0.1.10": 5}
    assert copy(layout, 1, "10.1.0.10\n10.2.0.10\n") == {"10.0.1.10": 1, "10.0.2.10": 1}


def test_another_source_says_nothing_about_age(layout: Layout) -> None:
    """Publishers are apart."""
    copy(layout, 0, "10.1.0.10\n")

    assert copy(layout, 1, "10.1.0.10\n", source="other.example") == {"10.0.1.10": 1}
