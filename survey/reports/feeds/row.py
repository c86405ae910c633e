"""One affected server as every feed tells of it: said once here, written down elsewhere.

All forms hold the same rows, since none of them reads anything but these.  Every word of a
stranger is bounded and made visible here already.
"""

import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from enum import StrEnum
from hashlib import sha256

from survey.model.address import format_ip
from survey.model.exposure import NOTHING_KNOWN, Known, OpenServer, ServerKey
from survey.model.hostile import show_bytes, show_text
from survey.model.probe import Probe
from survey.model.site import closing_page
from survey.model.verdict import Rung
from survey.reports.hosts import address_text

_NAME = 120
_BANNER = 200
_HEADER = 120


class Report(StrEnum):
    """Type of a report, as it stands in file names; the first two are Shadowserver's own."""

    SOCKS = "scan_socks"
    HTTP_PROXY = "scan_http_proxy"
    SMTP_RELAY = "scan_smtp_relay"
    TELNET_PROXY = "scan_telnet_proxy"

    @property
    def identifier(self) -> str:
        """IntelMQ's ``classification.identifier``."""
        return _IDENTIFIER[self]

    @property
    def application(self) -> str:
        """IntelMQ's ``protocol.application``."""
        return _APPLICATION[self]

    @property
    def service(self) -> str:
        """What is open, in a few words."""
        return _SERVICE[self]


_IDENTIFIER = {
    Report.SOCKS: "open-socks",
    Report.HTTP_PROXY: "open-http-proxy",
    Report.SMTP_RELAY: "open-smtp-relay",
    Report.TELNET_PROXY: "open-telnet-proxy",
}
_APPLICATION = {
    Report.SOCKS: "socks",
    Report.HTTP_PROXY: "http",
    Report.SMTP_RELAY: "smtp",
    Report.TELNET_PROXY: "telnet",
}
_SERVICE = {
    Report.SOCKS: "socks-proxy",
    Report.HTTP_PROXY: "http-proxy",
    Report.SMTP_RELAY: "smtp-relay",
    Report.TELNET_PROXY: "telnet-gateway",
}
_REPORT = {
    Probe.SMTP_RELAY: Report.SMTP_RELAY,
    Probe.HTTP_CONNECT: Report.HTTP_PROXY,
    Probe.HTTP_GET: Report.HTTP_PROXY,
    Probe.HTTP_POST: Report.HTTP_PROXY,
    Probe.SOCKS4: Report.SOCKS,
    Probe.SOCKS4A: Report.SOCKS,
    Probe.SOCKS5: Report.SOCKS,
    Probe.TELNET: Report.TELNET_PROXY,
}
_CONFIDENCE = {Rung.R5: 90, Rung.R6: 95, Rung.R7: 99}


@dataclass(frozen=True, slots=True)
class HttpReply:
    """The head of what an HTTP proxy answered; "" for what it did not say."""

    http: str
    http_code: str
    http_reason: str
    content_type: str
    connection: str
    proxy_authenticate: str
    via: str
    server: str
    content_length: str
    transfer_encoding: str
    http_date: str


@dataclass(frozen=True, slots=True)
class Row:
    """One open finding.

    Attributes:
        id: Names the finding: the same in every form and whenever it is made again.
        report: Which report it belongs to.
        last_seen: Last observation behind it, UTC.
        first_seen: First observation behind it in the run, UTC.
        severity: ``high`` if mail was shown to go through it, else ``medium``.
        ip: The tested address, as text.
        port: TCP port.
        hostname: Its own name, if that was shown to resolve to the address, or "".
        tag: What it spoke: ``smtp``, ``socks5``, ``http-connect`` ...
        asn: Autonomous system number, or None.
        network: That network's name, or "".
        geo: ISO 3166-1 code, or "".
        probe: Which test.
        rung: ``R5``, ``R6`` or ``R7``.
        rule: Published id of the rule that decided.
        confidence: 0 to 100: 90, 95 or 99 by the rung.
        egress_ip: Address from which it reached our canary, if it is the reader's to see, or "".
        egress_elsewhere: It came out at an address that is not the reader's to see.
        banner: What the server said first.
        software: What answered, or "".
        software_version: Its version as it says, or "".
        advice_url: How to close it.
        open_since: First proof of the exposure that it belongs to, UTC, or None.
        case: Number of the case under which its operator was written to, or "".
        listings: Public databases that name it.
        http: The answer's head, of an HTTP proxy.
    """

    id: uuid.UUID
    report: Report
    last_seen: datetime
    first_seen: datetime
    severity: str
    ip: str
    port: int
    hostname: str
    tag: str
    asn: int | None
    network: str
    geo: str
    probe: str
    rung: str
    rule: str
    confidence: int
    egress_ip: str
    egress_elsewhere: bool
    banner: str
    software: str
    software_version: str
    advice_url: str
    open_since: datetime | None
    case: str
    listings: tuple[str, ...]
    http: HttpReply | None

    @property
    def days_open(self) -> int | None:
        """Whole days from the first proof to the last observation."""
        return None if self.open_since is None else (self.last_seen - self.open_since).days


def make_rows(
    servers: Iterable[OpenServer],
    campaign: str,
    run: str,
    page: str,
    known: Mapping[ServerKey, Known] = NOTHING_KNOWN,
) -> tuple[Row, ...]:
    """The rows of a run's open servers, in their order; ``page`` is the operation's."""
    return tuple(
        _row(server, known.get(server.key, Known()), campaign, run, page) for server in servers
    )


def _row(server: OpenServer, known: Known, campaign: str, run: str, page: str) -> Row:
    ip = format_ip(server.ip)
    return Row(
        id=_id(campaign, run, ip, server.port, server.probe),
        report=_REPORT[server.probe],
        last_seen=server.last_seen.astimezone(UTC),
        first_seen=server.first_seen.astimezone(UTC),
        severity="high" if server.mail_proven else "medium",
        ip=ip,
        port=server.port,
        hostname=show_text(server.host, 255),
        tag="smtp" if server.probe.is_relay else server.probe.value.replace("_", "-"),
        asn=server.asn,
        network=show_text(server.network, _NAME),
        geo=server.country,
        probe=server.probe.value,
        rung=server.rung.name,
        rule=server.rule,
        confidence=_CONFIDENCE.get(server.rung, 0),
        egress_ip=address_text(server.exit_ip),
        egress_elsewhere=server.exit_elsewhere,
        banner=show_bytes(server.greeting, _BANNER),
        software=server.software,
        software_version=show_text(server.software_version, _NAME),
        advice_url=closing_page(page, server.probe),
        open_since=known.open_since and known.open_since.astimezone(UTC),
        case=known.case,
        listings=tuple(show_text(name, _NAME) for name in known.listings),
        http=_http(server.greeting) if server.probe.is_http else None,
    )


def _id(campaign: str, run: str, ip: str, port: int, probe: Probe) -> uuid.UUID:
    """A version 4 UUID, as XARF wants; from a hash, so that a report made again has the same."""
    name = f"{campaign}\n{run}\n{ip}\n{port}\n{probe}"
    return uuid.UUID(bytes=sha256(name.encode()).digest()[:16], version=4)


_STATUS = re.compile(rb"HTTP/(\d\.\d) +(\d{3})(?: +([^\r\n]*))?")
_FIELD = re.compile(rb"([A-Za-z0-9-]+):[ \t]*([^\r\n]*)")


def _http(head: bytes) -> HttpReply:
    """Status line and the headers that the report has columns for (RFC 9112 s4)."""
    lines = head.split(b"\n")
    status = _STATUS.match(lines[0])
    said: dict[bytes, bytes] = {}
    for line in lines[1:]:
        if field := _FIELD.match(line):
            said.setdefault(field[1].lower(), field[2])

    def header(name: bytes) -> str:
        return show_bytes(said.get(name, b"").strip(), _HEADER)

    length = header(b"content-length")
    return HttpReply(
        http=f"HTTP/{status[1].decode()}" if status else "",
        http_code=status[2].decode() if status else "",
        http_reason=show_bytes((status[3] or b"").strip(), _HEADER) if status else "",
        content_type=header(b"content-type"),
        connection=header(b"connection"),
        proxy_authenticate=header(b"proxy-authenticate"),
        via=header(b"via"),
        server=header(b"server"),
        content_length=length if length.isdecimal() else "",
        transfer_encoding=header(b"transfer-encoding"),
        http_date=_date(header(b"date")),
    )


def _date(text: str) -> str:
    """A date that readers of HTTP know, or "": no parser may stumble over a forged one."""
    try:
        moment = parsedate_to_datetime(text).astimezone(UTC)
        return format_datetime(moment, usegmt=True)
    except (ValueError, TypeError, IndexError, OverflowError):
        return ""
