"""The frozen plan of one run: who asks, what is tested, how fast.  Holds no secret."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from survey.model.address import Range
from survey.model.discovery import DiscoveryPlan
from survey.model.probe import Probe


class Kind(StrEnum):
    """Where a campaign may send."""

    SURVEY = "survey"
    """The internet; never loopback or test space."""
    LAB = "lab"
    """Only 127.0.0.0/8, and 198.18.0.0/15 inside a namespace without a default route."""


class Patience(StrEnum):
    """How long a conversation waits for a server (``probes.timeouts``)."""

    INTERNET = "internet"
    """As slow servers far away need it."""
    LAB = "lab"
    """Everything is on one machine and nothing is slow but on purpose."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An IPv4 address (number) and a port of our canary."""

    ip: int
    port: int


@dataclass(frozen=True, slots=True)
class Identity:
    """How we introduce ourselves to a tested server.

    Attributes:
        operator: Who runs the survey, one line.
        contact: Mailbox for questions and opt-outs.
        page: URL that explains the survey and the opt-out.
        helo: Our own host name for EHLO.
        source_addresses: Local addresses to send from (numbers); empty lets the system choose.
    """

    operator: str
    contact: str
    page: str
    helo: str
    source_addresses: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Canary:
    """The only far end of any test (law 2).

    Attributes:
        domains: Two mail domains whose MX is ours.
        smtp: Our MX.
        echo: Our echo host.
        web: Our web host, which waits for the client; None if the campaign has none.
    """

    domains: tuple[str, ...]
    smtp: Endpoint
    echo: Endpoint
    web: Endpoint | None = None

    @property
    def doors(self) -> tuple[tuple[str, Endpoint], ...]:
        """Every port of ours, by its name in a campaign."""
        doors = (("smtp", self.smtp), ("echo", self.echo), ("web", self.web))
        return tuple((name, door) for name, door in doors if door is not None)


class KnownAs(StrEnum):
    """What we know of a control."""

    OPEN = "open"
    CLOSED = "closed"
    NONEXISTENT = "nonexistent"


@dataclass(frozen=True, slots=True)
class PathControl:
    """A server of ours whose answer we know; it shows whether a worker's path can be trusted.

    Attributes:
        known_as: What it is.
        probe: The probe that it is for; None for one that does not exist.
        at: Where it is.
    """

    known_as: KnownAs
    probe: Probe | None
    at: Endpoint


@dataclass(frozen=True, slots=True)
class Rate:
    """The cap of the whole run (law 5); each slot gets an equal share.

    Attributes:
        packets_per_second: All packets that we send, retransmits and conversations included.
        per_24_per_second: New connections per second into any one /24.
        per_host_connections: Connections to one address at the same time.
    """

    packets_per_second: int
    per_24_per_second: float
    per_host_connections: int


@dataclass(frozen=True, slots=True)
class Waits:
    """Seconds before a follow-up may be made, from the test that it follows.

    Attributes:
        greylisted: A greylist lets the same triplet pass after 300 s, mostly.
        next_envelope: For a message that was taken to arrive.
        second_opinion: Two proofs of one finding lie at least so far apart.
    """

    greylisted: float = 300.0
    next_envelope: float = 600.0
    second_opinion: float = 3600.0


class Depth(StrEnum):
    """How many forms of envelope a relay test tries (``protocols.envelopes``)."""

    STANDARD = "standard"
    """Those that find nearly all real relays; at most 2 connections."""
    FULL = "full"
    """All of them; at most 4 connections."""


@dataclass(frozen=True, slots=True)
class ProbePlan:
    """One probe and the ports it is tried on.

    Attributes:
        probe: Which.
        ports: Ports where it begins in the clear.
        tls_ports: Ports where it begins inside TLS.
        depth: For a relay test; the others have one depth.
    """

    probe: Probe
    ports: tuple[int, ...]
    tls_ports: tuple[int, ...] = ()
    depth: Depth = Depth.STANDARD

    @property
    def every_port(self) -> tuple[int, ...]:
        """All its ports, sorted."""
        return tuple(sorted((*self.ports, *self.tls_ports)))


@dataclass(frozen=True, slots=True)
class Plan:
    """One run of a campaign, frozen; its SHA-256 over canonical JSON is its name everywhere.

    Plan indices 0 .. addresses-1 are positions in the keyed permutation of the allowed addresses;
    a target is an (address, port) pair, and all ports of an address lie in one shard.

    Attributes:
        campaign: Campaign id.
        run: Run id, e.g. ``2026-W48``.
        kind: Where it may send.
        purpose: Why, one line.
        created_at: UTC.
        valid_until: The authority ends then (UTC); None in the lab.
        authority: The agency on whose authority it is done (agency id), or "".
        seed: 32 hex digits; keys the permutation.  Not a secret.
        ranges: Allowed address ranges, sorted, disjoint, special-purpose space and exclusions
            already taken out.  Never changes: later opt-outs are a filter, never a re-index.
        excluded: Addresses that were asked for but taken out at planning.
        probes: Which probes on which ports.
        rate: The cap.
        identity: Who we say we are.
        canary: The far end.
        optouts: Path of the organisation's opt-out log, absolute.
        exclusions: Paths of exclusion files that are checked again at every dial.
        names: ``none``, ``hosts:<absolute path>`` or ``dns:<ip>:<port>``: how a server's own name
            is checked to belong to the tested address.
        slots: How many shards run at once; each has 1/slots of the cap.
        shard_addresses: Addresses per shard (the last may have fewer).
        lease_seconds: A worker that hears nothing for so long stops sending.
        snapshots: Registry snapshot ids that countries and networks were resolved with.
        version: Version of this package that planned it.
        excluded_by: Why and how many: the parts of ``excluded``, as (reason, addresses).
        optouts_version: Entries of the opt-out log at planning; a log with fewer closes the gate.
        stated: The campaign file as it was read: dotted key and JSON value, sorted.  A campaign
            that changed under an unfinished run is found by them.
        waits: How long follow-ups wait.
        patience: How long conversations wait; None as its kind needs.
        discovery: How it is found out which ports are open.
        controls: Servers of ours that each worker tests before, during and after a shard.
    """

    campaign: str
    run: str
    kind: Kind
    purpose: str
    created_at: datetime
    valid_until: datetime | None
    authority: str
    seed: str
    ranges: tuple[Range, ...]
    excluded: int
    probes: tuple[ProbePlan, ...]
    rate: Rate
    identity: Identity
    canary: Canary
    optouts: str
    exclusions: tuple[str, ...]
    names: str
    slots: int
    shard_addresses: int
    lease_seconds: float
    snapshots: tuple[str, ...]
    version: str
    excluded_by: tuple[tuple[str, int], ...] = ()
    optouts_version: int = 0
    stated: tuple[tuple[str, str], ...] = ()
    waits: Waits = Waits()
    patience: Patience | None = None
    discovery: DiscoveryPlan = field(default_factory=DiscoveryPlan)
    controls: tuple[PathControl, ...] = ()

    @property
    def ports(self) -> tuple[int, ...]:
        """All ports of all probes, sorted, once each."""
        return tuple(sorted({port for probe in self.probes for port in probe.every_port}))

    @property
    def addresses(self) -> int:
        """Allowed addresses: the number of plan indices."""
        return sum(len(part) for part in self.ranges)

    @property
    def targets(self) -> int:
        """(address, port) pairs."""
        return self.addresses * len(self.ports)

    @property
    def shards(self) -> int:
        """Number of shards; 0 for an empty plan."""
        return -(-self.addresses // self.shard_addresses)

    def probes_on(self, port: int) -> tuple[Probe, ...]:
        """The probes tried on one port, in the plan's order."""
        return tuple(part.probe for part in self.probes if port in part.every_port)
