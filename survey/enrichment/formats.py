"""The formats that publishers write, what each can make, and how to tell them apart."""

from collections.abc import Callable, Sequence
from enum import StrEnum

from survey.enrichment.content import Content
from survey.enrichment.delegated import read_delegated
from survey.enrichment.lists import read_plain, read_shadowserver
from survey.enrichment.mmdb import MARK, read_mmdb_countries, read_mmdb_networks
from survey.enrichment.organisations import read_organisations
from survey.enrichment.prefixes import read_prefixes
from survey.enrichment.source_file import SourceFile
from survey.enrichment.tables import (
    read_contacts,
    read_csv_countries,
    read_csv_networks,
    read_listings,
    read_tsv_countries,
    read_tsv_networks,
)
from survey.enrichment.zones import zone_reader
from survey.errors import ConfigError
from survey.storage.registries import SnapshotKind


class Format(StrEnum):
    """How a file is written."""

    CSV = "csv"
    """Commas, one range a line, as ip-location-db publishes; addresses dotted or as numbers."""
    IPTOASN = "iptoasn"
    """Tabs, one range a line, as iptoasn.com publishes."""
    PFX2AS = "pfx2as"
    """RouteViews prefix-to-AS: tabs, one announced prefix a line."""
    MMDB = "mmdb"
    """MaxMind's binary format."""
    DELEGATED = "delegated"
    """A regional registry's delegated-extended statistics."""
    AS2ORG = "as2org"
    """CAIDA's AS-to-organisation, as text or as JSON lines."""
    PLAIN = "plain"
    """One address, CIDR or range a line."""
    SHADOWSERVER = "shadowserver"
    """A report of Shadowserver's: CSV with a header that names ``timestamp`` and ``ip``."""
    IP4SET = "ip4set"
    """rbldnsd: addresses and ranges with values; this and the next in docs/listings.md."""
    IP4TSET = "ip4tset"
    """rbldnsd: single addresses."""
    IP4TRIE = "ip4trie"
    """rbldnsd: prefixes with values."""
    DNSET = "dnset"
    """rbldnsd: names with values, or addresses as reversed names."""
    COMBINED = "combined"
    """rbldnsd: several datasets in one file, each for some subzones."""


Read = Callable[[Sequence[SourceFile], str], Content]


def _without_source(read: Callable[[Sequence[SourceFile]], Content]) -> Read:
    return lambda files, _: read(files)


READERS: dict[SnapshotKind, dict[Format, Read]] = {
    SnapshotKind.COUNTRY: {
        Format.CSV: _without_source(read_csv_countries),
        Format.IPTOASN: _without_source(read_tsv_countries),
        Format.MMDB: _without_source(read_mmdb_countries),
    },
    SnapshotKind.NETWORK: {
        Format.IPTOASN: _without_source(read_tsv_networks),
        Format.CSV: _without_source(read_csv_networks),
        Format.PFX2AS: _without_source(read_prefixes),
        Format.MMDB: _without_source(read_mmdb_networks),
    },
    SnapshotKind.REGISTRATION: {Format.DELEGATED: _without_source(read_delegated)},
    SnapshotKind.ORGANISATION: {Format.AS2ORG: _without_source(read_organisations)},
    SnapshotKind.CONTACT: {Format.CSV: _without_source(read_contacts)},
    SnapshotKind.LISTING: {
        Format.CSV: read_listings,
        Format.PLAIN: read_plain,
        Format.SHADOWSERVER: read_shadowserver,
        **{
            type_: zone_reader(type_)
            for type_ in (
                *(Format.IP4SET, Format.IP4TSET, Format.IP4TRIE, Format.DNSET, Format.COMBINED),
            )
        },
    },
}
"""The second argument is the source's name, for lists whose lines name none."""

_LOOKED_AT = 64 << 10
_METADATA = 128 << 10
_PFX2AS = 3


def recognise(file: SourceFile, kind: SnapshotKind) -> Format:
    """The format of a file that shall make a snapshot of this kind.

    Raises:
        ConfigError: It looks like something that can't.
    """
    readers = READERS[kind]
    if len(readers) == 1 or kind is SnapshotKind.LISTING:  # lists can't be told apart
        return next(iter(readers))
    found = _look(file, kind)
    if found not in readers:
        raise ConfigError(
            file.path,
            "",
            f"looks like {found}, which makes no {kind} snapshot",
            f"give the right kind or file, or say --format {'|'.join(readers)}",
        )
    return found


def _look(file: SourceFile, kind: SnapshotKind) -> Format:
    if MARK in file.data[-_METADATA:]:
        return Format.MMDB
    text = file.data[:_LOOKED_AT].decode("utf-8", "replace")
    lines = (line for line in text.splitlines() if line.strip() and not line.startswith(("#", ";")))
    first = next(lines, "")
    fields = first.split("\t")
    if "\t" in first:
        # ip2country of iptoasn.com has three fields too, the second an address
        prefix = kind is SnapshotKind.NETWORK and len(fields) == _PFX2AS and fields[1].isdigit()
        return Format.PFX2AS if prefix else Format.IPTOASN
    if first.startswith("{"):
        return Format.AS2ORG
    return Format.DELEGATED if "|" in first else Format.CSV
