"""A publisher's file becomes a dated, immutable snapshot, or one clear line about why not."""

import gzip
import json
import stat
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from survey.enrichment.snapshots import import_snapshot
from survey.errors import ConfigError, StorageError
from survey.model.address import parse_ip
from survey.storage.layout import Layout
from survey.storage.registries import (
    SnapshotKind,
    find_snapshot,
    in_force,
    in_force_by_source,
    list_snapshots,
)

MONDAY = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
COUNTRIES = "192.0.2.0,192.0.2.127,ES\n192.0.2.128,192.0.2.255,MX\n"


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """An empty data directory."""
    return Layout(tmp_path / "data")


def written(tmp_path: Path, text: str, name: str = "source.csv") -> Path:
    """A file with this text."""
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def rows(layout: Layout, kind: SnapshotKind, path: Path, source: str = "") -> list[tuple]:
    """The rows of a fresh snapshot."""
    snapshot = import_snapshot(layout, kind, path, source=source, retrieved_at=MONDAY)
    return [tuple(row.values()) for row in pq.read_table(snapshot.table).to_pylist()]


def test_snapshot_says_where_it_came_from(layout: Layout, tmp_path: Path) -> None:
    """The description holds source, licence, time, digest and rows, and the id kind and day."""
    snapshot = import_snapshot(
        layout,
        SnapshotKind.COUNTRY,
        written(tmp_path, COUNTRIES),
        source="example registry",
        licence="CC0-1.0",
        retrieved_at=MONDAY,
    )
    content = json.loads(snapshot.table.with_name("snapshot.json").read_text())

    assert snapshot.id.startswith("country-2026-11-23-")
    assert content["source"] == "example registry"
    assert content["licence"] == "CC0-1.0"
    assert content["retrieved_at"] == "2026-11-23T09:00:00+00:00"
    assert content["rows"] == 2
    assert len(content["sha256"]) == 64
    assert find_snapshot(layout, snapshot.id) == snapshot


def test_snapshot_is_private(layout: Layout, tmp_path: Path) -> None:
    """Folders are 0700 and files 0600 (law 8)."""
    snapshot = import_snapshot(layout, SnapshotKind.COUNTRY, written(tmp_path, COUNTRIES))

    assert stat.S_IMODE(snapshot.table.stat().st_mode) == 0o600
    assert stat.S_IMODE(snapshot.table.parent.stat().st_mode) == 0o700


def test_same_file_on_the_same_day_is_imported_once(layout: Layout, tmp_path: Path) -> None:
    """A second import gives the first snapshot."""
    path = written(tmp_path, COUNTRIES)
    first = import_snapshot(layout, SnapshotKind.COUNTRY, path, retrieved_at=MONDAY)
    again = import_snapshot(
        layout, SnapshotKind.COUNTRY, path, retrieved_at=MONDAY.replace(hour=17)
    )

    assert again == first
    assert list_snapshots(layout, SnapshotKind.COUNTRY) == (first,)


def test_import_that_died_is_finished_by_the_next(layout: Layout, tmp_path: Path) -> None:
    """A folder without a description is no snapshot, and no obstacle."""
    path = written(tmp_path, COUNTRIES)
    first = import_snapshot(layout, SnapshotKind.COUNTRY, path, retrieved_at=MONDAY)
    first.table.with_name("snapshot.json").unlink()
    assert list_snapshots(layout, SnapshotKind.COUNTRY) == ()

    assert import_snapshot(layout, SnapshotKind.COUNTRY, path, retrieved_at=MONDAY) == first


def test_country_file_may_hold_numbers_a_header_and_any_order(
    layout: Layout, tmp_path: Path
) -> None:
    """Numbers or dotted text, header or not, sorted or not, all mean the same."""
    start = parse_ip("192.0.2.0")
    text = (
        "range_start,range_end,country_code\n"
        f"{start + 128},{start + 255},mx\n"
        f"{start},{start + 127},ES\n"
    )

    assert rows(layout, SnapshotKind.COUNTRY, written(tmp_path, text)) == [
        (start, start + 127, "ES"),
        (start + 128, start + 255, "MX"),
    ]


def test_network_file_is_read_as_published(layout: Layout, tmp_path: Path) -> None:
    """Tab-separated, gzipped; AS 0 is a gap; a quotation mark in a name stays in its line."""
    text = (
        '192.0.2.0\t192.0.2.127\t64496\tES\tEXAMPLE-1 6" pipes\n'
        "192.0.2.128\t192.0.2.191\t0\tNone\tNot routed\n"
        "192.0.2.192\t192.0.2.255\tAS64497\tMX\t\x1b[31mEXAMPLE\x07 2\n"
    )
    path = tmp_path / "ip2asn-v4.tsv.gz"
    path.write_bytes(gzip.compress(text.encode()))

    assert [row[2:] for row in rows(layout, SnapshotKind.NETWORK, path)] == [
        (64496, 'EXAMPLE-1 6" pipes'),
        (64497, "[31mEXAMPLE 2"),
    ]


def test_contact_file_is_read(layout: Layout, tmp_path: Path) -> None:
    """A quoted organisation may hold a comma."""
    text = '198.51.100.0,198.51.100.255,abuse@example.net,"Example, Ltd.",es\n'

    assert [row[2:] for row in rows(layout, SnapshotKind.CONTACT, written(tmp_path, text))] == [
        ("abuse@example.net", "Example, Ltd.", "es")
    ]


def test_listing_file_may_be_plain_or_tabular(layout: Layout, tmp_path: Path) -> None:
    """Addresses and CIDRs are listed by the source; a table names its own; both may overlap."""
    text = (
        "# a comment\n192.0.2.7\n192.0.2.0/24\n198.51.100.1,198.51.100.1,other.example,2026-01-02\n"
    )
    found = rows(layout, SnapshotKind.LISTING, written(tmp_path, text), source="dnsbl.example")

    assert [row[2:4] for row in found] == [
        ("dnsbl.example", None),
        ("dnsbl.example", None),
        ("other.example", datetime(2026, 1, 2, tzinfo=UTC)),
    ]


@pytest.mark.parametrize(
    ("kind", "text", "says"),
    [
        ("country", COUNTRIES + "192.0.2.200,192.0.2.255,ES\n", "line 3: overlaps line 2"),
        ("country", "192.0.2.9,192.0.2.1,ES\n", "line 1: the range ends before it starts"),
        ("country", "192.0.2.0,192.0.2.9,Spain\n", "line 1: 'Spain' is no country code"),
        ("country", "192.0.2.0,192.0.2.9\n", "line 1: has 2 fields; write 3"),
        ("country", "2001:db8::,2001:db8::1,ES\n", "use the publisher's IPv4 file"),
        ("country", "4294967296,4294967297,ES\n", "line 1: '4294967296' is no IPv4 address"),
        ("country", "# nothing\n", "holds no usable line"),
        ("network", "192.0.2.0\t192.0.2.9\t-1\tES\tX\n", "line 1: '-1' is no network number"),
        ("contact", "192.0.2.0,192.0.2.9,a@b\n@c,X,es\n", "line 1: has 3 fields"),
        ("contact", "192.0.2.0,192.0.2.9,a b@example.net,X,es\n", "is no mailbox"),
        ("contact", "192.0.2.0,192.0.2.9,a@example.net,X,?\n", "is no language"),
        ("listing", "192.0.2.1\n192.0.2.7/24\n", "line 2: '192.0.2.7/24' has bits set"),
        ("listing", "192.0.2.1,192.0.2.1,x,yesterday\n", "is no date"),
    ],
)
def test_broken_file_is_refused_with_line_and_cure(
    layout: Layout, tmp_path: Path, kind: str, text: str, says: str
) -> None:
    """One bad line refuses the whole file, and leaves nothing behind."""
    path = written(tmp_path, text)
    with pytest.raises(ConfigError) as refusal:
        import_snapshot(layout, SnapshotKind(kind), path)

    assert str(path) in str(refusal.value)
    assert says in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert not layout.root.exists()


@pytest.mark.parametrize(
    ("name", "data"),
    [("missing.csv", None), ("latin.csv", b"192.0.2.0,192.0.2.9,\xe9\n"), ("bad.gz", b"no gzip")],
)
def test_unreadable_file_is_refused(
    layout: Layout, tmp_path: Path, name: str, data: bytes | None
) -> None:
    """Missing, not UTF-8, not gzip: one line each."""
    path = tmp_path / name
    if data is not None:
        path.write_bytes(data)

    with pytest.raises(ConfigError, match=name):
        import_snapshot(layout, SnapshotKind.COUNTRY, path)


def test_snapshot_in_force_is_the_latest_of_that_day(layout: Layout, tmp_path: Path) -> None:
    """The latest of the day or before; before the first, the first; with none, none."""
    assert in_force(layout, SnapshotKind.COUNTRY, date(2026, 11, 23)) is None
    path = written(tmp_path, COUNTRIES)
    old, new = (
        import_snapshot(
            layout, SnapshotKind.COUNTRY, path, retrieved_at=datetime(2026, month, 1, tzinfo=UTC)
        )
        for month in (9, 11)
    )

    assert in_force(layout, SnapshotKind.COUNTRY, date(2026, 10, 31)) == old
    assert in_force(layout, SnapshotKind.COUNTRY, date(2026, 11, 1)) == new
    assert in_force(layout, SnapshotKind.COUNTRY, date(2026, 1, 1)) == old


def test_each_source_of_listings_has_its_own_snapshot_in_force(
    layout: Layout, tmp_path: Path
) -> None:
    """A newer list of one publisher doesn't end another publisher's."""
    for source, month in (("a", 1), ("a", 3), ("b", 2)):
        import_snapshot(
            layout,
            SnapshotKind.LISTING,
            written(tmp_path, "192.0.2.1\n"),
            source=source,
            retrieved_at=datetime(2026, month, 1, tzinfo=UTC),
        )
    chosen = in_force_by_source(layout, SnapshotKind.LISTING, date(2026, 12, 1))

    assert [(one.source, one.day.month) for one in chosen] == [("a", 3), ("b", 2)]


def test_damaged_description_is_an_error(layout: Layout, tmp_path: Path) -> None:
    """A snapshot that can't be understood is never silently left out."""
    snapshot = import_snapshot(layout, SnapshotKind.COUNTRY, written(tmp_path, COUNTRIES))
    snapshot.table.with_name("snapshot.json").write_text("{}")

    with pytest.raises(StorageError, match="is damaged"):
        list_snapshots(layout, SnapshotKind.COUNTRY)


@pytest.mark.parametrize("id_", ["country-2026-01-01-00000000", "../../etc", "x"])
def test_missing_snapshot_is_an_error(layout: Layout, id_: str) -> None:
    """An id that is not here is named."""
    with pytest.raises(StorageError, match="missing"):
        find_snapshot(layout, id_)
