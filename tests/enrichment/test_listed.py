"""Public listings as targets, by their names."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from survey.enrichment.listed import ranges_listed
from survey.enrichment.snapshots import import_snapshot
from survey.errors import ConfigError
from survey.storage.layout import Layout
from survey.storage.registries import SnapshotKind
from survey.targets.ranges import RangeSet, parse_cidr

DAY = date(2026, 11, 23)
ROWS = (
    "192.0.2.9,192.0.2.9,a.example,2026-01-02\n"
    "192.0.2.8,192.0.2.8,a.example,2026-01-02\n"
    "203.0.113.5,203.0.113.5,z.example,2026-01-02\n"
)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """A data directory with one listing snapshot."""
    layout = Layout(tmp_path / "data")
    path = tmp_path / "listing.txt"
    path.write_text(ROWS)
    moment = datetime(2026, 11, 23, tzinfo=UTC)
    import_snapshot(layout, SnapshotKind.LISTING, path, retrieved_at=moment)
    return layout


def test_listed_addresses_are_found_by_name(layout: Layout) -> None:
    """The union of the listings that were asked for, and no other's."""
    found, snapshots = ranges_listed(layout, ["a.example"], DAY)
    assert found == RangeSet.of([parse_cidr("192.0.2.8/31")])
    assert [id_.partition("-")[0] for id_ in snapshots] == ["listing"]
    both, _ = ranges_listed(layout, ["z.example", "a.example"], DAY)
    assert both.size == 3


def test_unknown_listing_is_refused(layout: Layout) -> None:
    """A misspelt name is a mistake, not an empty set."""
    with pytest.raises(ConfigError, match="no snapshot holds this listing") as caught:
        ranges_listed(layout, ["a.example", "b.example"], DAY)
    assert caught.value.key == "b.example"
