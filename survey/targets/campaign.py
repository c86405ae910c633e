"""A campaign file: who asks, why, what is tested, how fast.  Every key is in docs/campaign.md."""

import json
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StrictInt

from survey.model.address import Range
from survey.model.discovery import FIRST_PORT, LAST_PORT, DiscoveryPlan, Method
from survey.model.listing import Dnsbl
from survey.model.plan import (
    Canary,
    Depth,
    Endpoint,
    Kind,
    KnownAs,
    PathControl,
    Patience,
)
from survey.model.probe import Probe
from survey.model.retention import LEAST
from survey.model.retention import Retention as Periods
from survey.storage.config_file import read_config
from survey.targets.coherence import check_together
from survey.targets.values import (
    Address,
    CampaignId,
    Cidr,
    CidrOrFile,
    Country,
    Days,
    FilePath,
    Fqdn,
    FurtherPorts,
    Interface,
    Line,
    Mailbox,
    Moment,
    Network,
    OwnServer,
    Page,
    PortRange,
    Ports,
    ReturnCode,
    Socket,
    endpoint_text,
)


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class About(_Table):
    """``[campaign]``: what it is."""

    id: CampaignId
    purpose: Line
    kind: Kind
    patience: Patience | None = None


class Area(_Table):
    """Part of the internet: the union of the three."""

    ranges: tuple[Cidr, ...] = ()
    countries: tuple[Country, ...] = ()
    networks: tuple[Network, ...] = ()


class Authority(_Table):
    """``[authority]``: on whose authority, until when, and for which part of the internet."""

    agency: CampaignId
    reference: Line
    approved_by: Line
    valid_until: Moment
    covers: Area


class Introduction(_Table):
    """``[identity]``: how we introduce ourselves to a tested server."""

    operator: Line
    contact: Mailbox
    page: Page
    helo: Fqdn
    source_addresses: tuple[Address, ...] = ()


_LAB_IDENTITY = Introduction(
    operator="Lab of the survey",
    contact="survey@lab.example",
    page="https://lab.example/",
    helo="probe.lab.example",
)
"""Who speaks in a lab whose campaign does not say; nobody outside ever hears it."""


class Targets(Area):
    """``[targets]``: what is asked for, and what is taken out again."""

    lists: tuple[FilePath, ...] = ()
    listings: tuple[Line, ...] = ()
    exclude: tuple[CidrOrFile, ...] = ()

    @property
    def excluded_ranges(self) -> tuple[Range, ...]:
        """Exclusions that stand in the campaign itself; they never get into a plan."""
        return tuple(part for part in self.exclude if isinstance(part, Range))

    @property
    def exclusion_files(self) -> tuple[Path, ...]:
        """Exclusion files, absolute; read at planning and again during the run."""
        return tuple(part for part in self.exclude if isinstance(part, Path))


class TunnelProbe(_Table):
    """``[probes.socks5]`` and the other proxy tests."""

    ports: Ports


class TlsProbe(TunnelProbe):
    """``[probes.http_connect]``, ``http_get``, ``http_post``: also ports that begin with TLS."""

    tls_ports: FurtherPorts = ()


class RelayProbe(TlsProbe):
    """``[probes.smtp_relay]``: also how many envelopes."""

    depth: Depth = Depth.STANDARD


class Probes(_Table):
    """``[probes.*]``: which tests, each on its own ports."""

    smtp_relay: RelayProbe | None = None
    http_connect: TlsProbe | None = None
    http_get: TlsProbe | None = None
    http_post: TlsProbe | None = None
    socks4: TunnelProbe | None = None
    socks4a: TunnelProbe | None = None
    socks5: TunnelProbe | None = None
    telnet: TunnelProbe | None = None

    @property
    def chosen(self) -> tuple[tuple[Probe, TunnelProbe], ...]:
        """The tests of this campaign, in the closed list's order."""
        tables = ((probe, getattr(self, probe.value)) for probe in Probe)
        return tuple((probe, table) for probe, table in tables if table is not None)


class Caps(_Table):
    """``[rate]``: the cap of the whole run (law 5)."""

    packets_per_second: Annotated[StrictInt, Field(ge=1, le=1_000_000)]
    per_24_per_second: Annotated[
        float, Field(gt=0, le=100_000, strict=True, allow_inf_nan=False)
    ] = 0.1
    per_host_connections: Annotated[StrictInt, Field(ge=1, le=16)] = 1


class Discovery(_Table):
    """``[discovery]``: how open ports are found; by connect(), unless it says otherwise."""

    method: Method = Method.CONNECT
    interface: Interface = ""
    gateway: Address | None = None
    source_ports: PortRange = (FIRST_PORT, LAST_PORT)
    files: tuple[FilePath, ...] = ()

    @property
    def plan(self) -> DiscoveryPlan:
        """As a plan has it, before anything is imported."""
        return DiscoveryPlan(self.method, self.interface, self.gateway or 0, self.source_ports)


class FarEnd(_Table):
    """``[canary]``: the only far end of any test (law 2)."""

    domains: Annotated[tuple[Fqdn, ...], Field(min_length=2, max_length=2)]
    smtp: Socket
    echo: Socket
    web: Socket | None = None

    @property
    def doors(self) -> tuple[tuple[str, Endpoint], ...]:
        """Every port of ours, by its key."""
        return Canary(self.domains, self.smtp, self.echo, self.web).doors


class OptOutLog(_Table):
    """``[optouts]``: the organisation's one log."""

    path: FilePath


class Names(_Table):
    """``[names]``: how a server's own name is checked to belong to the tested address."""

    hosts: FilePath | None = None
    resolver: Socket | None = None

    @property
    def source(self) -> str:
        """As ``Plan.names`` has it."""
        if self.hosts is not None:
            return f"hosts:{self.hosts}"
        return f"dns:{endpoint_text(self.resolver)}" if self.resolver is not None else "none"


class ListingZone(_Table):
    """``[[listings.zones]]``: a DNSBL that may be asked, with whose permission, and how fast."""

    zone: Fqdn
    nameserver: Socket
    permission: Line
    queries_per_second: Annotated[float, Field(gt=0, le=1000, strict=True, allow_inf_nan=False)]
    codes: Annotated[dict[ReturnCode, Line], Field(min_length=1)]
    cache_hours: Annotated[float, Field(ge=0, le=720, strict=True, allow_inf_nan=False)] = 24.0

    @property
    def dnsbl(self) -> Dnsbl:
        """As who asks it wants to have it."""
        return Dnsbl(
            zone=self.zone,
            nameserver=self.nameserver,
            permission=self.permission,
            queries_per_second=self.queries_per_second,
            meanings=tuple(sorted(self.codes.items())),
            cache_hours=self.cache_hours,
        )


class Listings(_Table):
    """``[listings]``: public databases that are asked over DNS; none if the campaign names none."""

    zones: tuple[ListingZone, ...] = ()


class Retention(_Table):
    """``[retention]``: days until rows die (law 10); as ``model.retention`` if not stated."""

    evidence: Days | None = None
    observations: Days | None = None
    arrivals: Days | None = None
    findings: Days | None = None
    contacts: Days | None = None
    listings: Days | None = None
    registries: Days | None = None
    reports: Days | None = None
    mail: Days | None = None
    audit: Days | None = None

    @property
    def periods(self) -> Periods:
        """Every period; one that is not stated is as long as those that rest on it need."""
        stated = self.model_dump(exclude_none=True)
        days = asdict(Periods()) | stated
        for longer, shorter in LEAST:
            if longer not in stated:
                days[longer] = max(days[longer], days[shorter])
        return Periods(**days)


class Cluster(_Table):
    """``[cluster]``: how the work is cut."""

    slots: Annotated[StrictInt, Field(ge=1, le=1024)] = 2
    shard_seconds: Annotated[float, Field(ge=1, le=3600, strict=True, allow_inf_nan=False)] = 600
    lease_seconds: Annotated[float, Field(ge=1, le=12, strict=True, allow_inf_nan=False)] = 12


Wait = Annotated[float, Field(gt=0, le=2_592_000, strict=True, allow_inf_nan=False)]
"""Seconds, at most 30 days."""


class FollowUps(_Table):
    """``[followups]``: how long later tests of a target wait, in seconds."""

    greylisted: Wait = 300
    next_envelope: Wait = 600
    second_opinion: Wait = 3600


class Controls(_Table):
    """``[controls]``: servers of ours whose answer is known, to see whether a path is honest."""

    open: tuple[OwnServer, ...] = ()
    closed: tuple[OwnServer, ...] = ()
    nonexistent: tuple[Socket, ...] = ()

    @property
    def all(self) -> tuple[PathControl, ...]:
        """Every control, as the plan has it."""
        return (
            *(PathControl(KnownAs.OPEN, probe, at) for probe, at in self.open),
            *(PathControl(KnownAs.CLOSED, probe, at) for probe, at in self.closed),
            *(PathControl(KnownAs.NONEXISTENT, None, at) for at in self.nonexistent),
        )


class Campaign(_Table):
    """A whole campaign file, checked."""

    campaign: About
    authority: Authority | None = None
    identity: Introduction = _LAB_IDENTITY
    targets: Targets
    probes: Probes
    rate: Caps
    discovery: Discovery = Discovery()
    canary: FarEnd
    optouts: OptOutLog
    names: Names = Names()
    listings: Listings = Listings()
    retention: Retention = Retention()
    cluster: Cluster = Cluster()
    followups: FollowUps = FollowUps()
    controls: Controls = Controls()

    @property
    def id(self) -> str:
        """Name of the campaign, the same in folders and tables."""
        return self.campaign.id

    @property
    def kind(self) -> Kind:
        """Where it may send."""
        return self.campaign.kind

    @property
    def valid_until(self) -> datetime | None:
        """The authority ends then (UTC), or None where a lab names none."""
        return self.authority.valid_until if self.authority else None

    def stated(self) -> tuple[tuple[str, str], ...]:
        """Dotted key and JSON value of everything the file says about a run, sorted.

        Paths are absolute.  ``retention`` and ``listings`` are left out: they are about tables
        and about what is asked of others, not about a run.
        """
        content = self.model_dump(
            mode="json", exclude_unset=True, exclude={"retention", "listings"}
        )
        return tuple(sorted(_flat("", content)))


def read_campaign(path: Path) -> Campaign:
    """The campaign file at ``path``, checked; relative paths in it start from its folder.

    Files that it names are not opened here, nor is ``valid_until`` compared with now: an ended
    campaign can still be read, stopped and reported.  Planning does both.

    Raises:
        ConfigError: It can't be read, or a key is wrong; file, key and cure are named.
    """
    campaign = read_config(path, Campaign)
    check_together(path, campaign)
    return campaign


def _flat(prefix: str, value: Any) -> list[tuple[str, str]]:
    if isinstance(value, dict):
        return [
            pair
            for key, part in value.items()
            for pair in _flat(f"{prefix}.{key}".strip("."), part)
        ]
    return [(prefix, json.dumps(value, ensure_ascii=True, sort_keys=True))]
