"""Registries that anybody may use: where they are published, and on which terms.

Others (RouteViews pfx2as and as2org of CAIDA, GeoLite2, IPinfo) ask for an agreement or an account
and are imported from a file that a person has fetched.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from urllib.parse import urlsplit

from survey.enrichment.formats import Format
from survey.storage.registries import SnapshotKind

_MB = 1_000_000


@dataclass(frozen=True, slots=True)
class Source:
    """One file of one publisher.

    Attributes:
        name: What it is called here and in its snapshots.
        kind: What it says.
        written_as: Its format.
        url: Where it is; ``{month}`` stands for a month like 2026-11.
        licence: Its terms, one line.
        attribution: The line that they ask for wherever it is used, or "".
        least: Bytes; a smaller file is not the whole.
        most: Bytes; a larger one is something else.
    """

    name: str
    kind: SnapshotKind
    written_as: Format
    url: str
    licence: str
    attribution: str
    least: int
    most: int

    def urls(self, day: date) -> tuple[str, ...]:
        """Where to look, in turn: this month's file may not be there yet, last month's is."""
        if "{month}" not in self.url:
            return (self.url,)
        before = day.replace(day=1) - timedelta(days=1)
        return tuple(self.url.format(month=f"{at:%Y-%m}") for at in (day, before))


_DB_IP = "IP Geolocation by DB-IP, https://db-ip.com, CC BY 4.0"

SOURCES = {
    one.name: one
    for one in (
        Source(
            "geo-whois-asn-country",
            SnapshotKind.COUNTRY,
            Format.CSV,
            "https://cdn.jsdelivr.net/npm/@ip-location-db/geo-whois-asn-country"
            "/geo-whois-asn-country-ipv4-num.csv",
            "CC0-1.0",
            "",
            1 * _MB,
            100 * _MB,
        ),
        Source(
            "dbip-country-lite",
            SnapshotKind.COUNTRY,
            Format.MMDB,
            "https://download.db-ip.com/free/dbip-country-lite-{month}.mmdb.gz",
            "CC-BY-4.0",
            _DB_IP,
            1 * _MB,
            100 * _MB,
        ),
        Source(
            "iptoasn",
            SnapshotKind.NETWORK,
            Format.IPTOASN,
            "https://iptoasn.com/data/ip2asn-v4.tsv.gz",
            "PDDL-1.0",
            "",
            1 * _MB,
            100 * _MB,
        ),
        Source(
            "dbip-asn-lite",
            SnapshotKind.NETWORK,
            Format.MMDB,
            "https://download.db-ip.com/free/dbip-asn-lite-{month}.mmdb.gz",
            "CC-BY-4.0",
            _DB_IP,
            1 * _MB,
            100 * _MB,
        ),
        Source(
            "ip-location-db-asn",
            SnapshotKind.NETWORK,
            Format.CSV,
            "https://cdn.jsdelivr.net/npm/@ip-location-db/asn/asn-ipv4-num.csv",
            "CC-BY-4.0",
            "Networks by ip-location-db from RouteViews, https://www.routeviews.org, and DB-IP, "
            "https://db-ip.com, CC BY 4.0",
            5 * _MB,
            200 * _MB,
        ),
        Source(
            "nro-delegated",
            SnapshotKind.REGISTRATION,
            Format.DELEGATED,
            "https://ftp.ripe.net/pub/stats/ripencc/nro-stats/latest/nro-delegated-stats",
            "published for all by the regional registries, without a licence text",
            "Registrations by AFRINIC, APNIC, ARIN, LACNIC and RIPE NCC, combined by the NRO",
            5 * _MB,
            200 * _MB,
        ),
    )
}
"""By name."""

HOSTS = frozenset(host for one in SOURCES.values() if (host := urlsplit(one.url).hostname))
"""The only hosts that a download goes to, redirects included."""
