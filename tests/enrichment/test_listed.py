"""Public listings as targets, by their names."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from survey.enrichment.formats import Format
from survey.enrichment.listed import known_listings, ranges_listed
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


def test_a_zone_file_can_be_a_campaigns_targets(tmp_path: Path) -> None:
    """What it excludes is no target; its subzones have names of their own."""
    layout = Layout(tmp_path / "data")
    path = tmp_path / "zone"
    path.write_text(
        "$DATASET ip4set relays @\n192.0.2.0/24\n!192.0.2.128/25\n"
        "$DATASET ip4set proxies\n198.51.100.7 :3:open proxy\n"
    )
    import_snapshot(
        layout,
        SnapshotKind.LISTING,
        path,
        source="bl.example",
        written_as=Format.COMBINED,
        retrieved_at=datetime(2026, 11, 23, tzinfo=UTC),
    )
    relays, _ = ranges_listed(layout, ["relays.bl.example"], DAY)
    both, snapshots = ranges_listed(layout, ["bl.example", "proxies.bl.example"], DAY)

    assert relays == RangeSet.of([parse_cidr("192.0.2.0/25")])
    assert both.size == 129
    assert len(snapshots) == 1
    assert [(one.name, one.ranges, one.names) for one in known_listings(layout, DAY)] == [
        ("bl.example", 1, 0),
        ("proxies.bl.example", 1, 0),
        ("relays.bl.example", 1, 0),
    ]


def test_a_listing_of_hosts_is_no_target(tmp_path: Path) -> None:
    """Targets are addresses, and nobody resolves a stranger's names to get some."""
    layout = Layout(tmp_path / "data")
    path = tmp_path / "names"
    path.write_text("bad.example\n")
    import_snapshot(
        layout,
        SnapshotKind.LISTING,
        path,
        source="names.example",
        written_as=Format.DNSET,
        retrieved_at=datetime(2026, 11, 23, tzinfo=UTC),
    )
    with pytest.raises(ConfigError, match="names hosts and no address"):
        ranges_listed(layout, ["names.example"], DAY)
