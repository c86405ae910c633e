"""The lab's registry files are read by the importers that read the real ones."""

import csv
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from survey.enrichment.snapshots import import_snapshot
from survey.lab.registries import RegistryFiles, write_registries, write_truth
from survey.lab.world import World
from survey.model.address import Range, format_ip
from survey.storage.layout import Layout
from survey.storage.registries import SnapshotKind

SMALL = (Range(0x7F10_0000, 0x7F10_FFFF),)


@pytest.fixture(scope="module")
def world() -> World:
    """A world of 65,536 addresses."""
    return World("registries", SMALL, 800)


@pytest.fixture
def files(world: World, tmp_path: Path) -> RegistryFiles:
    """Its registry files."""
    return write_registries(world, tmp_path / "registries")


def test_importers_read_every_file(world: World, files: RegistryFiles, tmp_path: Path) -> None:
    """One row for each holding that has a country, a network, a contact."""
    layout = Layout(tmp_path / "data")
    holdings = world.geography.holdings
    held = [part for part in holdings if part.network]

    def rows(kind: SnapshotKind, path: Path) -> int:
        return import_snapshot(layout, kind, path).rows

    assert rows(SnapshotKind.COUNTRY, files.countries) == len(held) < len(holdings)
    assert rows(SnapshotKind.NETWORK, files.networks) == len(held)
    assert rows(SnapshotKind.REGISTRATION, files.registrations) == len(holdings)
    assert rows(SnapshotKind.ORGANISATION, files.organisations) == len(world.geography.networks)
    with_contact = [part for part in held if part.network and part.network.contact]
    assert rows(SnapshotKind.CONTACT, files.contacts) == len(with_contact)
    assert rows(SnapshotKind.LISTING, files.listings) > 20


def test_imported_countries_are_those_of_the_machines(
    world: World, files: RegistryFiles, tmp_path: Path
) -> None:
    """Address by address, gaps included."""
    snapshot = import_snapshot(Layout(tmp_path / "data"), SnapshotKind.COUNTRY, files.countries)
    table = pq.read_table(snapshot.table)
    starts, ends = table["range_start"].to_numpy(), table["range_end"].to_numpy()

    for machine in world.machines:
        index = int(np.searchsorted(starts, machine.ip, "right")) - 1
        found = index >= 0 and machine.ip <= ends[index]
        assert found == (machine.country is not None)
        if machine.country:
            assert table["country"][index].as_py() == machine.country.code


def test_every_machines_name_resolves_to_it(world: World, files: RegistryFiles) -> None:
    """And what a misnamed server calls itself does not."""
    pairs = [line.split() for line in files.hosts.read_text(encoding="utf-8").splitlines()]
    addresses = {name: address for address, name in pairs}

    assert len(addresses) == len(pairs)
    for machine in world.machines:
        assert addresses[machine.name] == format_ip(machine.ip)
        if machine.calls_itself != machine.name:
            assert addresses.get(machine.calls_itself) != format_ip(machine.ip)


def test_the_same_world_writes_the_same_files(
    world: World, files: RegistryFiles, tmp_path: Path
) -> None:
    """Byte for byte."""
    again = write_registries(world, tmp_path / "again")

    for one, other in (
        (files.networks, again.networks),
        (files.listings, again.listings),
        (files.hosts, again.hosts),
        (files.registrations, again.registrations),
        (files.organisations, again.organisations),
    ):
        assert one.read_bytes() == other.read_bytes()


def test_truth_is_written_as_parquet_or_csv(world: World, tmp_path: Path) -> None:
    """The same rows; private, as every list of open servers is."""
    count = write_truth(world, tmp_path / "truth.parquet")
    assert write_truth(world, tmp_path / "truth.csv") == count

    table = pq.read_table(tmp_path / "truth.parquet")
    with (tmp_path / "truth.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert table.num_rows == len(rows) == count
    assert sum(row["open"] == "true" for row in rows) == sum(one.open for one in world.truth())
    assert rows[0]["ip"] == format_ip(table["ip"][0].as_py())
    assert {path.stat().st_mode & 0o777 for path in tmp_path.glob("truth.*")} == {0o600}
