"""Which discovery a plan asks for, opened for one shard."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from survey.engine.discovery import Discovery, Heard, Tally
from survey.engine.hosts import Hosts
from survey.engine.imported import ImportedDiscovery
from survey.engine.pacing import Pacer, share
from survey.engine.supply import KeptBack, Supply
from survey.engine.syn.discovery import SynDiscovery
from survey.engine.syn.link import check_ports, open_link
from survey.engine.syn.networks import NetworkColumns
from survey.model.assignment import Assignment
from survey.model.discovery import Method
from survey.model.plan import Plan
from survey.storage.found import read_found
from survey.storage.layout import RunLayout
from survey.targets.gate import Gate
from survey.targets.places import Places
from survey.targets.shards import shard_bounds, shard_targets

OnOpen = Callable[[int, int], None]


class Finding(Protocol):
    """Decides every target of a shard, and hands on those that are open."""

    @property
    def tally(self) -> Tally:
        """How the targets answered."""

    @property
    def heard(self) -> Heard:
        """What else was heard."""

    @property
    def kept_back(self) -> KeptBack:
        """Targets that the gate did not allow."""

    @property
    def in_air(self) -> int:
        """Targets that may still answer."""

    async def run(self) -> None:
        """Do it all inside the running event loop."""

    def close(self) -> None:
        """Break off."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What any discovery of a shard works with.

    Attributes:
        gate: Who may be sent anything.
        pacer: When.
        hosts: How many connections to one address.
        wall: Seconds on a clock that all workers share.
        room: Sockets at most.
        on_open: Called with address and port of each open target.
        holds: While it says True nothing new begins.
    """

    gate: Gate
    pacer: Pacer
    hosts: Hosts
    wall: Callable[[], float]
    room: int
    on_open: OnOpen
    holds: Callable[[], bool]


def open_discovery(
    plan: Plan, assignment: Assignment, run: RunLayout, around: Surroundings
) -> Finding:
    """The discovery of a shard, by the plan's method.

    Raises:
        LocalError: This machine can't do it.
        StorageError: What was imported is not here.
    """
    method = plan.discovery.method
    if method is Method.SYN:
        return _syn(plan, assignment, around)
    if method is Method.IMPORT:
        return _import(plan, assignment, run, around)
    return _connect(plan, assignment, around)


def _connect(plan: Plan, assignment: Assignment, around: Surroundings) -> Discovery:
    own = share(plan.rate.packets_per_second, plan.slots, assignment.slot)
    # About a second's work, so that the gate's answer is no older when it is used.
    batch = min(max(own, 64), 16_384)
    return Discovery(
        Supply(shard_targets(plan, assignment.shard, batch), around.gate),
        around.pacer,
        around.hosts,
        room=around.room,
        on_open=around.on_open,
        holds=around.holds,
        sources=plan.identity.source_addresses,
    )


def _syn(plan: Plan, assignment: Assignment, around: Surroundings) -> SynDiscovery:
    said, rate = plan.discovery, plan.rate
    check_ports(said.source_ports)
    link = open_link(said.interface, said.gateway, plan.identity.source_addresses)
    places = Places(plan, assignment.shard)
    networks = NetworkColumns(
        rate.per_24_per_second, plan.slots, assignment.slot, places.ips, around.wall
    )
    around.pacer.neighbourhoods = networks
    return SynDiscovery(
        places,
        around.gate,
        around.pacer,
        networks,
        around.hosts,
        per_host=rate.per_host_connections,
        link=link,
        ports=said.slot_ports(plan.slots, assignment.slot),
        on_open=around.on_open,
        holds=around.holds,
    )


def _import(
    plan: Plan, assignment: Assignment, run: RunLayout, around: Surroundings
) -> ImportedDiscovery:
    first, stop = shard_bounds(plan, assignment.shard)
    indices, ports = read_found(run.found, plan.discovery.found, first, stop)
    places = Places(plan, assignment.shard)
    return ImportedDiscovery(
        places,
        places.at(indices, ports),
        around.gate,
        on_open=around.on_open,
        holds=around.holds,
    )
