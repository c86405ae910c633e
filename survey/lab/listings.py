"""The public databases of the lab: right about many open servers, and wrong about some others.

They know about half of what is open, still list some that were closed, and one of them lists whole
/24s of neglected networks, whoever uses an address there.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from survey.lab.draws import BLOCK, draws_of
from survey.lab.geography import Trade
from survey.lab.personality import Role, openness
from survey.lab.world import Machine, World
from survey.model.address import Range

RELAYS = "relays.dnsbl.example"
PROXIES = "proxies.dnsbl.example"
POLICY = "policy.dnsbl.example"
_KNOWN_OPEN = 0.55
_STALE = 0.04
_WHOLE_BLOCK = 0.05
_NEGLECTED = 2.0
_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
_DAYS = 300


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a public database.

    Attributes:
        range: The listed addresses.
        listing: Name of the database.
        since: Listed since, UTC.
    """

    range: Range
    listing: str
    since: datetime


def listings(world: World) -> Iterator[Entry]:
    """Every entry of every database, by address."""
    draws = draws_of(world.seed)
    blocks: set[int] = set()
    for machine in world.machines:
        block = machine.ip // BLOCK * BLOCK
        if block not in blocks:
            blocks.add(block)
            if _is_neglected(machine) and draws.share("policy", block) < _WHOLE_BLOCK:
                yield Entry(Range(block, block + BLOCK - 1), POLICY, _EPOCH)
        for listing in sorted(_databases(machine)):
            is_open = listing in _databases(machine, only_open=True)
            known = _KNOWN_OPEN if is_open else _STALE
            if draws.share("listed", listing, machine.ip) < known:
                days = draws.number("since", listing, machine.ip) % _DAYS
                yield Entry(Range(machine.ip, machine.ip), listing, _EPOCH + timedelta(days=days))


def _is_neglected(machine: Machine) -> bool:
    network = machine.network
    return network is not None and (
        network.neglect > _NEGLECTED or network.trade is Trade.BROADBAND
    )


def _databases(machine: Machine, *, only_open: bool = False) -> set[str]:
    """The databases that a machine's doors could be listed in."""
    return {
        RELAYS if door.role is Role.SMTP else PROXIES
        for door in machine.doors
        if openness(door.personality).probes or not only_open
    }
