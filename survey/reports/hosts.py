"""The list beside an agency's page: one CSV row per open finding of its jurisdiction."""

import csv
import io
import ipaddress
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from survey.model.address import format_ip
from survey.model.agency import Agency
from survey.model.exposure import NOTHING_KNOWN, Known, OpenServer, ServerKey
from survey.model.hostile import show_bytes, show_text

COLUMNS = (
    "last_seen",
    "first_seen",
    "ip",
    "port",
    "kind",
    "probe",
    "rung",
    "rule",
    "exit_ip",
    "country",
    "asn",
    "network",
    "banner",
    "software",
    "software_version",
    "open_since",
    "days_open",
    "case",
    "listings",
)
"""In this order; what each means is in docs/reports.md.  New ones are added at the end."""

_NAME = 120
_BANNER = 200
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""A cell that begins so may be run as a formula by a spreadsheet."""


def hosts_name(agency: Agency, period: str) -> str:
    """Name of the list; it carries the marking, so that the rows stay clean for a machine.

    No dots or spaces before the ending: parsers of such feeds take the name apart at hyphens.
    """
    mark = agency.tlp.translate(str.maketrans(":+", "__"))
    return f"open_servers-{agency.id}-{period}-{mark}.csv"


def render_hosts(
    servers: Iterable[OpenServer], known: Mapping[ServerKey, Known] = NOTHING_KNOWN
) -> str:
    """The rows as CSV (RFC 4180, UTF-8, header first), in the order given.

    A cell that a spreadsheet would run is led by an apostrophe; hidden characters and all bytes but
    printable ASCII of a banner are escaped.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for server in servers:
        writer.writerow([_safe(cell) for cell in _cells(server, known.get(server.key, Known()))])
    return text.getvalue()


def _cells(server: OpenServer, known: Known) -> tuple[str, ...]:
    since = known.open_since
    return (
        _moment(server.last_seen),
        _moment(server.first_seen),
        format_ip(server.ip),
        str(server.port),
        "open_relay" if server.probe.is_relay else "open_proxy",
        server.probe.value,
        server.rung.name,
        server.rule,
        address_text(server.exit_ip),
        server.country,
        "" if server.asn is None else str(server.asn),
        show_text(server.network, _NAME),
        show_bytes(server.greeting, _BANNER),
        server.software,
        show_text(server.software_version, _NAME),
        "" if since is None else _moment(since),
        "" if since is None else str((server.last_seen - since).days),
        known.case,
        "; ".join(show_text(name, _NAME) for name in known.listings),
    )


def _moment(at: datetime) -> str:
    """UTC without an offset, to the second, as feeds of this kind are read."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def address_text(packed: bytes | None) -> str:
    """Text of 16 bytes; IPv4 in its own form."""
    if packed is None:
        return ""
    address = ipaddress.IPv6Address(packed)
    return str(address.ipv4_mapped or address)


def _safe(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) else cell
