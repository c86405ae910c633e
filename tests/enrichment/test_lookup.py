"""Addresses to countries, networks, contacts and listings, and back."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from survey.enrichment.lookup import contact_of, listings_of, ranges_of
from survey.enrichment.snapshots import import_snapshot
from survey.errors import ConfigError
from survey.model.address import Range, parse_ip
from survey.storage.layout import Layout
from survey.storage.registries import SnapshotKind

DAY = date(2026, 11, 23)
MORNING = datetime(2026, 11, 23, tzinfo=UTC)
FILES = {
    SnapshotKind.COUNTRY: "192.0.2.0,192.0.2.127,ES\n"
    "192.0.2.128,192.0.2.255,MX\n"
    "198.51.100.0,198.51.100.255,ES\n",
    SnapshotKind.NETWORK: "198.51.100.0\t198.51.100.127\t64496\tES\tEXAMPLE\n",
    SnapshotKind.CONTACT: "192.0.2.0,192.0.2.255,abuse@example.net,Example,es\n",
    SnapshotKind.LISTING: "192.0.2.0/24\n192.0.2.9\n203.0.113.5,203.0.113.5,z.example,2026-01-02\n",
}


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """A data directory with one snapshot of each kind."""
    layout = Layout(tmp_path / "data")
    for kind, text in FILES.items():
        path = tmp_path / f"{kind}.txt"
        path.write_text(text)
        import_snapshot(layout, kind, path, retrieved_at=MORNING)
    return layout


def test_ranges_of_countries_and_networks_are_joined(layout: Layout) -> None:
    """The union, disjoint and sorted, with the snapshots that say so."""
    ranges, snapshots = ranges_of(layout, ["mx"], [64496])

    assert ranges == (
        Range(parse_ip("192.0.2.128"), parse_ip("192.0.2.255")),
        Range(parse_ip("198.51.100.0"), parse_ip("198.51.100.127")),
    )
    assert [id_.partition("-")[0] for id_ in snapshots] == ["country", "network"]


def test_nothing_wanted_is_nothing(layout: Layout) -> None:
    """No country and no network need no snapshot."""
    assert ranges_of(layout, [], []) == ((), ())
    assert ranges_of(Layout(layout.root / "none"), [], []) == ((), ())


@pytest.mark.parametrize(("countries", "networks"), [(["FI"], []), ([], [64500])])
def test_unknown_country_or_network_is_refused(
    layout: Layout, countries: list[str], networks: list[int]
) -> None:
    """A code without addresses is a mistake, not an empty set."""
    with pytest.raises(ConfigError, match="has no address of this"):
        ranges_of(layout, countries, networks)


def test_missing_registry_names_the_cure(tmp_path: Path) -> None:
    """Without a snapshot, the error says how to get one."""
    with pytest.raises(ConfigError, match="survey registry import country"):
        ranges_of(Layout(tmp_path), ["ES"], [])


def test_contact_is_the_range_that_holds_the_address(layout: Layout) -> None:
    """Both ends belong to the range; a gap has no contact."""
    for text in ("192.0.2.0", "192.0.2.255"):
        contact = contact_of(layout, parse_ip(text), DAY)
        assert contact is not None
        assert (contact.email, contact.name, contact.language) == (
            "abuse@example.net",
            "Example",
            "es",
        )
        assert contact.snapshot.startswith("contact-2026-11-23-")
    assert contact_of(layout, parse_ip("192.0.3.0"), DAY) is None
    assert contact_of(layout, 0, DAY) is None


def test_closest_source_answers(layout: Layout, tmp_path: Path) -> None:
    """Of two sources, the one with the smaller range wins."""
    path = tmp_path / "closer.csv"
    path.write_text("192.0.2.64,192.0.2.127,noc@example.org,Closer,\n")
    import_snapshot(layout, SnapshotKind.CONTACT, path, retrieved_at=MORNING)
    contact = contact_of(layout, parse_ip("192.0.2.65"), DAY)

    assert contact is not None
    assert contact.email == "noc@example.org"


def test_listings_name_every_entry_that_holds_the_address(layout: Layout) -> None:
    """Two entries of one list are one listing; a date is kept."""
    (one,) = listings_of(layout, parse_ip("192.0.2.9"), DAY)
    (other,) = listings_of(layout, parse_ip("203.0.113.5"), DAY)

    assert (one.name, one.since) == ("listing", None)
    assert (other.name, other.since) == ("z.example", datetime(2026, 1, 2, tzinfo=UTC))
    assert listings_of(layout, parse_ip("203.0.113.6"), DAY) == ()
