"""The lab's world as the files that publishers of registries would give out, and its truth.

They are read by the same importers as the real ones; nothing knows that they are invented.
"""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from survey.lab.geography import Geography, Holding, Network
from survey.lab.listings import listings
from survey.lab.world import World
from survey.model.address import format_ip
from survey.storage.files import replacing

_TRUTH = pa.schema(
    [
        ("ip", pa.uint32()),
        ("port", pa.uint16()),
        ("probe", pa.string()),
        ("open", pa.bool_()),
        ("mail", pa.bool_()),
        ("exit_ip", pa.uint32()),
        ("why", pa.string()),
    ]
)


@dataclass(frozen=True, slots=True)
class RegistryFiles:
    """Where they were written.

    Attributes:
        countries: CSV of ``range_start,range_end,country_code``, numbers.
        networks: TSV as iptoasn.com publishes it, gaps as "Not routed".
        registrations: As regional registries publish them; a network's blocks are registered in
            its own country, also those that stand abroad.
        organisations: As CAIDA's as2org.
        contacts: CSV of ``range_start,range_end,email,name,language``.
        listings: CSV of ``range_start,range_end,listing,since``.
        hosts: Names and their addresses, as in ``/etc/hosts``.
    """

    countries: Path
    networks: Path
    registrations: Path
    organisations: Path
    contacts: Path
    listings: Path
    hosts: Path


def write_registries(world: World, folder: Path) -> RegistryFiles:
    """Write them all into a folder, each whole or not at all."""
    made = write_geography(world.geography, folder)
    _write(
        made.listings,
        ",",
        (
            (entry.range.start, entry.range.end, entry.listing, entry.since.date().isoformat())
            for entry in listings(world)
        ),
    )
    _write(made.hosts, "\t", _host_rows(world))
    return made


def write_geography(geography: Geography, folder: Path) -> RegistryFiles:
    """Write who holds which addresses; nothing of listings and names, which are of machines."""
    made = RegistryFiles(
        countries=folder / "countries.csv",
        networks=folder / "networks.tsv",
        registrations=folder / "delegated-lab-extended",
        organisations=folder / "as-org2info.txt",
        contacts=folder / "contacts.csv",
        listings=folder / "listings.csv",
        hosts=folder / "hosts",
    )
    holdings = geography.holdings
    _write(made.countries, ",", _country_rows(holdings))
    _write(made.networks, "\t", map(_network_row, holdings))
    _write(made.registrations, "|", _registration_rows(holdings))
    _write(made.organisations, "|", _organisation_rows(geography.networks))
    _write(made.contacts, ",", _contact_rows(holdings))
    return made


def write_truth(world: World, path: Path) -> int:
    """Write the truth as Parquet, or as CSV if the name ends in ``.csv``; returns its rows."""
    truths = list(world.truth())
    if path.suffix == ".csv":
        head = ("ip", "port", "probe", "open", "mail", "exit_ip", "why")
        rows = (
            (
                format_ip(one.ip),
                one.port,
                one.probe,
                str(one.open).lower(),
                str(one.mail).lower(),
                format_ip(one.exit_ip),
                one.why,
            )
            for one in truths
        )
        _write(path, ",", (head, *rows))
    else:
        columns = [
            pa.array([getattr(one, field.name) for one in truths], field.type) for field in _TRUTH
        ]
        with replacing(path) as part:
            pq.write_table(pa.Table.from_arrays(columns, schema=_TRUTH), part)
    return len(truths)


Cells = Sequence[object]


def _country_rows(holdings: Iterable[Holding]) -> Iterable[Cells]:
    return (
        (part.range.start, part.range.end, part.country.code) for part in holdings if part.country
    )


def _network_row(part: Holding) -> Cells:
    start, end = format_ip(part.range.start), format_ip(part.range.end)
    if part.network is None or part.country is None:
        return start, end, 0, "None", "Not routed"
    return start, end, part.network.asn, part.country.code, part.network.name


def _registration_rows(holdings: Sequence[Holding]) -> Iterable[Cells]:
    yield "2", "lab", "20261123", len(holdings), "20200101", "20261122", "+0000"
    yield "lab", "*", "ipv4", "*", len(holdings), "summary"
    for part in holdings:
        start, size = format_ip(part.range.start), len(part.range)
        if part.network is None:
            yield "lab", "ZZ", "ipv4", start, size, "", "available", ""
        else:
            home = part.network.country.code
            yield "lab", home, "ipv4", start, size, "20200101", "assigned", _opaque(part.network)


def _organisation_rows(networks: Sequence[Network]) -> Iterable[Cells]:
    yield "# format:org_id", "changed", "org_name", "country", "source"
    for one in networks:
        yield f"ORG-{one.asn}", "20200101", f"{one.name} Ltd", one.country.code, "LAB"
    yield "# format:aut", "changed", "aut_name", "org_id", "opaque_id", "source"
    for one in networks:
        yield one.asn, "20200101", one.name, f"ORG-{one.asn}", f"{_opaque(one)}_LAB", "LAB"


def _opaque(network: Network) -> str:
    """The registry's id of a network's holder."""
    return f"h{network.asn}"


def _contact_rows(holdings: Iterable[Holding]) -> Iterable[Cells]:
    return (
        (
            part.range.start,
            part.range.end,
            part.network.contact,
            part.network.name,
            part.network.country.language,
        )
        for part in holdings
        if part.network and part.network.contact
    )


def _host_rows(world: World) -> Iterable[Cells]:
    """Every machine's name; and each network's mail name, which is at its first address."""
    seen = set()
    for part in world.geography.holdings:
        if part.network and part.network.domain not in seen:
            seen.add(part.network.domain)
            yield format_ip(part.range.start), f"mail.{part.network.domain}"
    for machine in world.machines:
        yield format_ip(machine.ip), machine.name


def _write(path: Path, delimiter: str, rows: Iterable[Cells]) -> None:
    with replacing(path) as part, part.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter=delimiter, lineterminator="\n").writerows(rows)
