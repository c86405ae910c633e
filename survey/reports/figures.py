"""Everything that one agency's page says, as one frozen record; the flow fills it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from survey.model.agency import Agency
from survey.model.exposure import NetworkExposure, ProbeExposure


@dataclass(frozen=True, slots=True)
class Coverage:
    """What the run did, from its receipts.  Counts are targets (address, port) of the whole run.

    ``planned == sent + excluded + opted_out`` and
    ``sent == accepted + refused + silent + unreachable``.

    Attributes:
        shards: Shards of the plan.
        committed: Shards that are done; fewer than ``shards`` while the run is unfinished.
        planned: Targets of the committed shards.
        sent: Targets that were dialled.
        excluded: Kept back by the gate.
        opted_out: Kept back by an opt-out.
        accepted: Accepted the connection.
        refused: Answered with a reset.
        silent: Did not answer in time.
        unreachable: Reported unreachable.
        excluded_addresses: Addresses taken out already at planning.
        started_at: Start of the first committed shard, UTC; None if there is none.
        finished_at: End of the last committed shard, UTC; None if there is none.
    """

    shards: int
    committed: int
    planned: int
    sent: int
    excluded: int
    opted_out: int
    accepted: int
    refused: int
    silent: int
    unreachable: int
    excluded_addresses: int
    started_at: datetime | None
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class Source:
    """A registry snapshot that the figures rest on.

    Attributes:
        kind: ``country``, ``network``, ``listing`` ...
        snapshot: Its id.
        origin: Who made it and under which terms, one line; "" if nobody wrote it down.
        attribution: The line that its terms ask for, or "".
    """

    kind: str
    snapshot: str
    origin: str
    attribution: str = ""


@dataclass(frozen=True, slots=True)
class Figures:
    """One agency's view of one run: its own jurisdiction, nothing else (law 8).

    Servers are distinct addresses.  A server that is both relay and proxy counts once in ``open``.

    Attributes:
        agency: Whose report it is.
        campaign: Campaign id.
        run: Run id, the period.
        operator: Who runs the survey, one line.
        contact: The operation's staffed mailbox.
        page: The operation's page.
        open: Servers with an open finding.
        relays: Servers that are open mail relays.
        proxies: Servers that are open proxies.
        suspected: Servers with a suspected finding and no open one.
        answering: Servers that accepted a connection on a tested port.
        tested: Addresses of the plan inside the jurisdiction.
        networks: Per network, most open first; the sum over ``tested`` is the jurisdiction's.
        probes: Per probe, in the plan's order.
        rungs: How many (server, port, probe) ended at R0 to R7; eight numbers.
        coverage: What the run did.
        sources: The registries that say where addresses are and whose.
        plan_hash: SHA-256 of the plan, hex.
        hosts_file: Name of the list beside the page.
        version: Version of this package.
        generated_at: UTC.
    """

    agency: Agency
    campaign: str
    run: str
    operator: str
    contact: str
    page: str
    open: int
    relays: int
    proxies: int
    suspected: int
    answering: int
    tested: int
    networks: tuple[NetworkExposure, ...]
    probes: tuple[ProbeExposure, ...]
    rungs: tuple[int, ...]
    coverage: Coverage
    sources: tuple[Source, ...]
    plan_hash: str
    hosts_file: str
    version: str
    generated_at: datetime

    @property
    def affected(self) -> tuple[NetworkExposure, ...]:
        """Networks with an open or suspected server, in their order."""
        return tuple(line for line in self.networks if line.open or line.suspected)

    @property
    def holding(self) -> int:
        """How many networks hold the open servers."""
        return sum(1 for line in self.networks if line.open)

    @property
    def half(self) -> int:
        """How few networks hold at least half of the open servers; 0 if there are none."""
        total = held = 0
        for line in self.networks:
            if 2 * held >= self.open:
                break
            held += line.open
            total += 1
        return total


def pooled(lines: Sequence[NetworkExposure], name: str) -> NetworkExposure:
    """Several networks as one line."""
    return NetworkExposure(
        asn=None,
        name=name,
        open=sum(line.open for line in lines),
        relays=sum(line.relays for line in lines),
        proxies=sum(line.proxies for line in lines),
        suspected=sum(line.suspected for line in lines),
        answering=sum(line.answering for line in lines),
        tested=sum(line.tested for line in lines),
    )
