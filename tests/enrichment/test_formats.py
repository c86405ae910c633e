"""Every publisher's format becomes the same kind of table; what can't be read is refused."""

import gzip
import hashlib
import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from ipaddress import IPv4Address
from pathlib import Path

import mmdb_writer
import pyarrow.parquet as pq
import pytest
from netaddr import IPSet

from survey.enrichment.formats import Format
from survey.enrichment.snapshots import import_snapshot
from survey.errors import ConfigError
from survey.storage.layout import Layout
from survey.storage.registries import Snapshot, SnapshotKind

MONDAY = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
Importer = Callable[..., Snapshot]

DELEGATED = """\
2|ripencc|20261123|4|19830705|20261122|+0100
ripencc|*|ipv4|*|4|summary
ripencc|*|asn|*|1|summary
ripencc|*|ipv6|*|1|summary
ripencc|ES|asn|64496|1|20100101|allocated|ab-1
ripencc|ES|ipv4|192.0.2.0|96|20100712|allocated|ab-1|e-stats
ripencc|MX|ipv4|192.0.2.96|32|00000000|assigned|ab-2
ripencc|ZZ|ipv4|192.0.2.128|64||available|
ripencc||ipv4|192.0.2.192|64|20260101|reserved
ripencc|ES|ipv6|2001:db8::|32|20100712|allocated|ab-1
"""

AS2ORG = """\
# name: AS Org
# format:org_id|changed|org_name|country|source
EX-1|20260101|Example Broadband, S.A.|ES|RIPE
EX-2|20260101|Example Hosting||ARIN
# format:aut|changed|aut_name|org_id|opaque_id|source
64497|20260101|EXAMPLE-2|EX-2|ff00_ARIN|ARIN
64496|20260101|EXAMPLE-1|EX-1|ab-1_RIPE|RIPE
64498|20260101|LOST|EX-9||ARIN
"""


@pytest.fixture
def imported(tmp_path: Path) -> Importer:
    """Imports texts or bytes as one snapshot."""

    def run(kind: str, *contents: str | bytes, **options: object) -> Snapshot:
        paths = []
        for number, content in enumerate(contents):
            path = tmp_path / f"part-{number}"
            path.write_bytes(content.encode() if isinstance(content, str) else content)
            paths.append(path)
        return import_snapshot(
            Layout(tmp_path / "data"),
            SnapshotKind(kind),
            *paths,
            retrieved_at=MONDAY,
            source="example",
            **options,
        )

    return run


def rows(snapshot: Snapshot) -> list[tuple]:
    """Its rows, addresses dotted."""
    return [
        tuple(
            str(IPv4Address(value)) if name.startswith("range_") else value
            for name, value in row.items()
        )
        for row in pq.read_table(snapshot.table).to_pylist()
    ]


def test_delegated_file_says_who_was_given_what(imported: Importer) -> None:
    """Counts that are no power of two; four statuses; other records passed over."""
    assert rows(imported("registration", DELEGATED)) == [
        (
            "192.0.2.0",
            "192.0.2.95",
            "ripencc",
            "ES",
            "allocated",
            "ripencc:ab-1",
            date(2010, 7, 12),
        ),
        ("192.0.2.96", "192.0.2.127", "ripencc", "MX", "assigned", "ripencc:ab-2", None),
        ("192.0.2.128", "192.0.2.191", "ripencc", None, "available", None, None),
        ("192.0.2.192", "192.0.2.255", "ripencc", None, "reserved", None, date(2026, 1, 1)),
    ]


def test_registries_files_make_one_snapshot_and_what_is_nobodys_yields(imported: Importer) -> None:
    """One registry lists as reserved what another gave away: the holder counts."""
    one = (
        "arin|US|ipv4|198.18.0.64|64|20000101|assigned|x1\n"
        "arin|US|ipv4|192.0.2.0|256|20000101|allocated|x1\n"
    )
    other = "apnic|ZZ|ipv4|198.18.0.0|512||reserved|\napnic|ZZ|ipv4|198.18.1.128|256||available|\n"
    found = rows(imported("registration", one, other))

    assert [(*row[:3], row[4]) for row in found] == [
        ("192.0.2.0", "192.0.2.255", "arin", "allocated"),
        ("198.18.0.0", "198.18.0.63", "apnic", "reserved"),
        ("198.18.0.64", "198.18.0.127", "arin", "assigned"),
        ("198.18.0.128", "198.18.1.255", "apnic", "reserved"),
        ("198.18.2.0", "198.18.2.127", "apnic", "available"),
    ]


def test_longest_prefix_holds_an_address(imported: Importer) -> None:
    """Nested prefixes are flattened, neighbours that say the same are one, gaps stay gaps."""
    snapshot = imported(
        "network",
        "198.18.0.0\t24\t64496\n"
        "198.18.0.64\t26\t64497_64498\n"
        "198.18.0.64\t28\t64499,64500\n"
        "198.18.1.0\t24\t64496\n"
        "198.51.100.0\t25\t0\n",
    )

    assert [(*row[:2], row[2]) for row in rows(snapshot)] == [
        ("198.18.0.0", "198.18.0.63", 64496),
        ("198.18.0.64", "198.18.0.79", 64499),
        ("198.18.0.80", "198.18.0.127", 64497),
        ("198.18.0.128", "198.18.1.255", 64496),
    ]
    assert snapshot.notes == ("2 prefixes have several origins: the first counts",)


@pytest.mark.parametrize("number", [False, True])
def test_ip_location_db_files_hold_text_or_numbers(imported: Importer, *, number: bool) -> None:
    """The `-num` file and the text file of a publisher make the same table."""
    edges = ["192.0.2.0", "192.0.2.127", "192.0.2.128", "192.0.2.255"]
    a, b, c, d = (str(int(IPv4Address(edge))) if number else edge for edge in edges)
    networks = imported("network", f'{a},{b},64496,"Example, Broadband"\n{c},{d},64497,Other\n')
    countries = imported("country", f"{a},{b},ES\n{c},{d},ZZ\n")

    assert [row[2:] for row in rows(networks)] == [(64496, "Example, Broadband"), (64497, "Other")]
    assert rows(countries) == [("192.0.2.0", "192.0.2.127", "ES")]


def test_countries_may_be_tab_separated(imported: Importer) -> None:
    """As iptoasn.com publishes them; an unrouted range has no country."""
    text = "192.0.2.0\t192.0.2.127\tES\n192.0.2.128\t192.0.2.255\tNone\n"

    assert rows(imported("country", text)) == [("192.0.2.0", "192.0.2.127", "ES")]


@pytest.mark.parametrize("ip_version", [4, 6])
@pytest.mark.parametrize(
    ("record", "country"),
    [
        ({"country": {"iso_code": "ES"}, "registered_country": {"iso_code": "MX"}}, "ES"),
        ({"country_code": "ES"}, "ES"),
        ({"country": "ES", "asn": "AS64496"}, "ES"),
        ({"registered_country": {"iso_code": "MX"}}, None),
    ],
)
def test_mmdb_of_countries(
    imported: Importer, tmp_path: Path, ip_version: int, record: dict, country: str | None
) -> None:
    """Each publisher's own names; IPv6 passed over; where it is registered is not where it is."""
    entries = {"192.0.2.0/25": record, "192.0.2.128/26": record, "198.51.100.7/32": {"x": 1}}
    if ip_version == 6:
        entries["2001:db8::/32"] = record
    entries["203.0.113.0/24"] = {"country_code": "FI"}
    found = rows(imported("country", made_mmdb(tmp_path, entries, ip_version)))

    expected = [("192.0.2.0", "192.0.2.191", country)] if country else []
    assert found == [*expected, ("203.0.113.0", "203.0.113.255", "FI")]


def test_mmdb_of_networks(imported: Importer, tmp_path: Path) -> None:
    """Number and name under either publisher's names."""
    entries = {
        "192.0.2.0/24": {
            "autonomous_system_number": 64496,
            "autonomous_system_organization": "Example\x07 One",
        },
        "198.51.100.0/24": {"asn": "AS64497", "as_name": "Two"},
        "203.0.113.0/24": {"asn": 0, "as_name": "Not routed"},
    }

    assert [row[2:] for row in rows(imported("network", made_mmdb(tmp_path, entries)))] == [
        (64496, "Example One"),
        (64497, "Two"),
    ]


def test_organisations_join_networks_and_holders(imported: Importer) -> None:
    """Both tables of the text; the opaque id as delegated files have it; a lost one is noted."""
    snapshot = imported("organisation", AS2ORG)

    assert rows(snapshot) == [
        (64496, "EXAMPLE-1", "Example Broadband, S.A.", "EX-1", "ES", "ripencc:ab-1"),
        (64497, "EXAMPLE-2", "Example Hosting", "EX-2", None, "arin:ff00"),
    ]
    assert snapshot.notes == ("1 networks have an organisation that is not in the file",)
    assert snapshot.table.name == "organisations.parquet"


def test_organisations_as_json_lines_are_the_same(imported: Importer) -> None:
    """Objects in any order, keys as CAIDA names them."""
    lines = [
        {
            "asn": "64497",
            "name": "EXAMPLE-2",
            "organizationId": "EX-2",
            "opaqueId": "ff00_ARIN",
            "type": "ASN",
        },
        {"organizationId": "EX-1", "name": "Example Broadband, S.A.", "country": "ES"},
        {"organizationId": "EX-2", "name": "Example Hosting", "country": ""},
        {"asn": "64496", "name": "EXAMPLE-1", "organizationId": "EX-1", "opaqueId": "ab-1_RIPE"},
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines)

    assert rows(imported("organisation", text)) == rows(imported("organisation", AS2ORG))


def test_what_is_said_twice_counts_once(imported: Importer) -> None:
    """A repeated line is no contradiction."""
    line = "192.0.2.0,192.0.2.127,ES\n"

    assert len(rows(imported("country", line + line))) == 1


def test_attribution_and_digest_are_kept(imported: Importer) -> None:
    """The line that reports must print, and what `sha256sum` says of the file."""
    packed = gzip.compress(b"192.0.2.0,192.0.2.9,ES\n")
    snapshot = imported("country", packed, attribution="Data by Example")

    assert snapshot.attribution == "Data by Example"
    assert snapshot.sha256 == hashlib.sha256(packed).hexdigest()


@pytest.mark.parametrize(
    ("kind", "text", "says"),
    [
        (
            "registration",
            DELEGATED.replace("|96|", "|200|"),
            "line 7: overlaps line 6 at 192.0.2.96",
        ),
        ("registration", DELEGATED.replace("ipv4|*|4", "ipv4|*|5"), "5 ipv4 records are announced"),
        ("registration", DELEGATED.replace("available", "lost"), "line 8: 'lost' is no status"),
        ("registration", DELEGATED.replace("|64||", "|0||"), "line 8: '0' is no number of"),
        ("registration", DELEGATED.replace("|20100712|", "|2010|"), "line 6: '2010' is no date"),
        ("registration", "arin|US|ipv4|192.0.2.0\n", "line 1: has 4 fields"),
        ("registration", "arin|US|ipv8|192.0.2.0|1|0|assigned\n", "'ipv8' is no type"),
        ("registration", "arin|US|ipv4|4294967040|512|0|assigned\n", "has no 512 addresses"),
        ("registration", "arin|*|ipv4|*|many|summary\n", "line 1: is no summary"),
        ("network", "192.0.2.0\t24\t64496\n192.0.2.0\t24\t64497\n", "line 2: overlaps line 1"),
        ("network", "192.0.2.1\t24\t64496\n", "line 1: 192.0.2.1/24 has bits set"),
        ("network", "192.0.2.0\t33\t64496\n", "line 1: '33' is no prefix length"),
        ("network", "192.0.2.0\t24\t{64496}\n", "'{64496}' is no network number"),
        ("network", "192.0.2.0,192.0.2.9,64496\n", "line 1: has 3 fields; write 4"),
        ("organisation", "1|2|3\n", "line 1: has 3 fields and its table 0"),
        ("organisation", '{"asn": 64496}\n', "line 1: has no organizationId"),
        ("organisation", "{\n", "line 1: is no JSON object"),
        ("country", DELEGATED, "looks like delegated, which makes no country snapshot"),
        ("network", "a|b\n", "say --format iptoasn|csv|pfx2as|mmdb"),
    ],
)
def test_broken_file_is_refused(imported: Importer, kind: str, text: str, says: str) -> None:
    """With file, line and cure."""
    with pytest.raises(ConfigError) as refusal:
        imported(kind, text)

    assert says in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_damaged_mmdb_is_refused(imported: Importer, tmp_path: Path) -> None:
    """Cut in two, with its metadata still there."""
    whole = made_mmdb(tmp_path, {"192.0.2.0/24": {"country_code": "ES"}})
    with pytest.raises(ConfigError, match="is no whole MMDB"):
        imported("country", b"\x00" * 40 + whole[60:])


def test_broken_record_of_an_mmdb_is_named(imported: Importer, tmp_path: Path) -> None:
    """There is no line: the network is named."""
    data = made_mmdb(tmp_path, {"192.0.2.0/24": {"country_code": "Spain"}})
    with pytest.raises(ConfigError, match=r"192\.0\.2\.0/24: 'Spain' is no country code"):
        imported("country", data)


def test_overlap_between_two_files_names_both(imported: Importer) -> None:
    """Two registries that both gave an address away contradict each other."""
    one = "arin|US|ipv4|192.0.2.0|256|20000101|allocated|x1\n"
    other = "apnic|JP|ipv4|192.0.2.128|256|20000101|allocated|y1\n"
    with pytest.raises(ConfigError, match=r"part-1: line 1: overlaps line 1 of part-0 at 192"):
        imported("registration", one, other)


def test_format_can_be_said(imported: Importer) -> None:
    """A format that makes no such snapshot is refused."""
    text = "192.0.2.0\t24\t64496\n"
    assert imported("network", text, written_as=Format.PFX2AS).rows == 1
    with pytest.raises(ConfigError, match="--format: delegated makes no network snapshot"):
        imported("network", text + "198.51.100.0\t24\t64496\n", written_as=Format.DELEGATED)


def made_mmdb(tmp_path: Path, entries: dict[str, dict], ip_version: int = 4) -> bytes:
    """A database in MaxMind's format, written by another hand than ours."""
    writer = mmdb_writer.MMDBWriter(ip_version, "example", ipv4_compatible=ip_version == 6)
    for cidr, record in entries.items():
        writer.insert_network(IPSet([cidr]), record)
    path = tmp_path / "made.mmdb"
    writer.to_db_file(str(path))
    return path.read_bytes()
