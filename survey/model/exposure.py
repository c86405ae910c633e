"""Findings counted: what analysis hands to a report.  Servers are distinct addresses."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from survey.model.probe import Probe
from survey.model.verdict import Rung


class By(StrEnum):
    """What exposure is counted by."""

    COUNTRY = "country"
    """Where addresses are (geolocated)."""
    REGISTRY_COUNTRY = "registry_country"
    """Where they are registered."""
    NETWORK = "network"
    """Autonomous system."""
    COUNTRY_AND_NETWORK = "country_and_network"
    """The part of each network in each country."""
    HOLDER = "holder"
    """To whom a regional registry gave them."""
    ORGANISATION = "organisation"
    """Who runs the network."""
    BLOCK = "block"
    """The /24."""
    SOFTWARE = "software"
    """Which program answered."""
    PROBE = "probe"
    """Which test."""


class Weakness(StrEnum):
    """Which findings count."""

    ANY = "any"
    RELAY = "relay"
    PROXY = "proxy"


class Every(StrEnum):
    """How long a period is."""

    RUN = "run"
    WEEK = "week"
    """ISO week, like 2026-W48."""
    MONTH = "month"
    """Like 2026-11."""


@dataclass(frozen=True, slots=True)
class NetworkExposure:
    """One network, or the part of it inside a jurisdiction.

    A server that is both relay and proxy counts in each, once in ``open``.

    Attributes:
        asn: Autonomous system number; None for addresses that no registry gives a network.
        name: Its name in the registry, a stranger's words; "" if there is none.
        open: Servers with an open finding.
        relays: Servers that are open mail relays.
        proxies: Servers that are open proxies.
        suspected: Servers with a suspected finding and no open one.
        answering: Servers that accepted a connection on a tested port.
        tested: Addresses of the plan.
    """

    asn: int | None
    name: str
    open: int
    relays: int
    proxies: int
    suspected: int
    answering: int
    tested: int


@dataclass(frozen=True, slots=True)
class ProbeExposure:
    """What one probe found.

    Attributes:
        probe: Which test.
        ports: The ports it was tried on, sorted.
        open: Servers that it proved open.
        suspected: Servers that it suspects and did not prove.
        answering: Servers that it spoke with.
    """

    probe: Probe
    ports: tuple[int, ...]
    open: int
    suspected: int
    answering: int


@dataclass(frozen=True, slots=True)
class OpenServer:
    """One open finding with where it lies; the row of an agency's list.

    Attributes:
        ip: The tested address, as a number.
        port: The tested port.
        probe: Which test.
        rung: How far up the ladder.
        rule: Published id of the rule that decided.
        exit_ip: Address from which it reached the canary (16 bytes), or None.
        first_seen: First observation behind it, UTC.
        last_seen: Last observation behind it, UTC.
        country: ISO 3166-1 alpha-2, or "".
        asn: Autonomous system number, or None.
        network: Name of that network, a stranger's words, or "".
        banner: First bytes from the server, hostile.
        reply: The deciding reply, hostile.
        software: What answered (``model.software``), or "".
        software_version: Its version as it says, or "".
        software_named: Whether it named itself; else it is known by its ways.
        proven_at: Last observation that our canary confirmed, UTC, or None.
        host: Its own name, if that was shown to resolve to the address, or "".
        exit_elsewhere: It reached the canary from an address that the reader may not see.
    """

    ip: int
    port: int
    probe: Probe
    rung: Rung
    rule: str
    exit_ip: bytes | None
    first_seen: datetime
    last_seen: datetime
    country: str
    asn: int | None
    network: str
    banner: bytes
    reply: bytes
    software: str = ""
    software_version: str = ""
    software_named: bool = False
    proven_at: datetime | None = None
    host: str = ""
    exit_elsewhere: bool = False

    @property
    def key(self) -> "ServerKey":
        """Address, port and probe."""
        return self.ip, self.port, self.probe

    @property
    def mail_proven(self) -> bool:
        """Whether mail was shown to go through it; a proxy may be open for other things only."""
        reproduced = self.rule in {"relay.reproduced", "tunnel.mail_reproduced"}
        return self.rung is Rung.R6 or reproduced

    @property
    def greeting(self) -> bytes:
        """What the server itself said first; behind it in ``banner`` our own canary may speak.

        A mail server's greeting to its last line, an HTTP proxy's answer to its blank line, the
        reply of a SOCKS server or a telnet gateway.
        """
        if self.probe.is_relay:
            lines = self.banner.splitlines(keepends=True)
            last = next((at for at, line in enumerate(lines) if line[3:4] != b"-"), len(lines))
            return b"".join(lines[: last + 1])
        if self.probe.is_http:
            return re.split(rb"\r?\n\r?\n", self.banner, maxsplit=1)[0]
        return self.reply


ServerKey = tuple[int, int, Probe]
"""Address, port and probe of an open finding."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of an open server beside its finding.

    Attributes:
        open_since: First proof of the exposure that it belongs to, UTC; None if its runs were not
            followed.
        case: Number of the case under which its operator was written to, or "".
        listings: Names of public databases that name it, sorted.
    """

    open_since: datetime | None = None
    case: str = ""
    listings: tuple[str, ...] = ()


NOTHING_KNOWN: Mapping[ServerKey, Known] = MappingProxyType({})
"""Of servers of which nothing but their findings is known."""
