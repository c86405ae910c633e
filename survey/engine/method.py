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
from survey.targets.places import PlaceNumbers, Places
from survey.targets.shards import Batch, shard_bounds, shard_targets

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


def open_again(plan: Plan, assignment: Assignment, around: Surroundings, sample: Batch) -> Finding:
    """The same once more for the targets that are looked at again, after the first has ended.

    Raises:
        LocalError: This machine can't do it.
    """
    if plan.discovery.method is Method.SYN:
        assert isinstance(around.pacer.neighbourhoods, NetworkColumns)
        places, networks = Places(plan, assignment.shard), around.pacer.neighbourhoods
        return _syn_over(plan, assignment, around, places, networks, places.rechecked())
    batch = _batch(plan, assignment)
    batches = (
        Batch(sample.ips[start : start + batch], sample.ports[start : start + batch])
        for start in range(0, len(sample), batch)
    )
    return _connect_to(plan, Supply(batches, around.gate), around)


def _batch(plan: Plan, assignment: Assignment) -> int:
    """About a second's work, so that the gate's answer is no older when it is used."""
    own = share(plan.rate.packets_per_second, plan.slots, assignment.slot)
    return min(max(own, 64), 16_384)


def _connect(plan: Plan, assignment: Assignment, around: Surroundings) -> Discovery:
    batches = shard_targets(plan, assignment.shard, _batch(plan, assignment))
    return _connect_to(plan, Supply(batches, around.gate), around)


def _connect_to(plan: Plan, supply: Supply, around: Surroundings) -> Discovery:
    return Discovery(
        supply,
        around.pacer,
        around.hosts,
        room=around.room,
        on_open=around.on_open,
        holds=around.holds,
        sources=plan.identity.source_addresses,
    )


def _syn(plan: Plan, assignment: Assignment, around: Surroundings) -> SynDiscovery:
    rate = plan.rate
    check_ports(plan.discovery.source_ports)
    places = Places(plan, assignment.shard)
    networks = NetworkColumns(
        rate.per_24_per_second, plan.slots, assignment.slot, places.ips, around.wall
    )
    around.pacer.neighbourhoods = networks
    return _syn_over(plan, assignment, around, places, networks)


def _syn_over(  # noqa: PLR0917 - the parts of one discovery
    plan: Plan,
    assignment: Assignment,
    around: Surroundings,
    places: Places,
    networks: NetworkColumns,
    only: PlaceNumbers | None = None,
) -> SynDiscovery:
    said = plan.discovery
    return SynDiscovery(
        places,
        around.gate,
        around.pacer,
        networks,
        around.hosts,
        per_host=plan.rate.per_host_connections,
        link=open_link(said.interface, said.gateway, plan.identity.source_addresses),
        ports=said.slot_ports(plan.slots, assignment.slot),
        on_open=around.on_open,
        holds=around.holds,
        only=only,
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
