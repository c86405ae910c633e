"""The invented internet itself, as a pure function of a seed: who answers where, as what.

A world is some address ranges inside 127.0.0.0/8.  One keyed hash per /24 decides which of its
addresses answer, so that a million addresses are known in a few hundredths of a second; keyed
hashes of each answering address decide the rest.  All other addresses have no socket: they refuse.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from survey.errors import ConfigError
from survey.lab.draws import BLOCK, Draws, draws_of
from survey.lab.geography import Country, Geography, Holding, Network, Trade, make_geography
from survey.lab.mixture import draw_personality, draw_services
from survey.lab.personality import OPEN_BY_NAME, OTHER_EXIT, Personality, Role, openness
from survey.lab.software import OWN_SOFTWARE, SOFTWARE, Software
from survey.model.address import Range, format_ip
from survey.model.probe import Probe

LOOPBACK = Range(0x7F00_0000, 0x7FFF_FFFF)
DEFAULT_RANGES = (Range(0x7F10_0000, 0x7F1F_FFFF),)
"""127.16.0.0/12: a million addresses."""
_HIGHEST_DENSITY = 0.9
_SECOND_PORT = 0.3
_MISNAMED = 0.12


@dataclass(frozen=True, slots=True)
class Ports:
    """Which ports of the lab's machines are for what; all above 1023, so that nobody needs root."""

    smtp: tuple[int, ...] = (2525,)
    http: tuple[int, ...] = (3128, 8080)
    socks: tuple[int, ...] = (1080,)
    https: tuple[int, ...] = (8443,)
    smtps: tuple[int, ...] = (4650,)
    telnet: tuple[int, ...] = (2323,)

    def of(self, role: Role) -> tuple[int, ...]:
        """The ports of one role."""
        ports: tuple[int, ...] = getattr(self, role.value)
        return ports


@dataclass(frozen=True, slots=True)
class Door:
    """One listening port of one machine.

    Attributes:
        port: The port.
        role: What its port is for.
        personality: How it behaves.
        software: What it runs, or None if nobody could tell.
        exit_ip: Address from which it dials out.
    """

    port: int
    role: Role
    personality: Personality
    software: Software | None
    exit_ip: int


@dataclass(frozen=True, slots=True)
class Machine:
    """One answering address.

    Attributes:
        ip: Its address.
        name: Its name, which resolves to it.
        calls_itself: The name in its mail greeting; seldom, one that does not resolve to it.
        network: Who holds the address, or None in a gap.
        country: Where it is, or None in a gap.
        doors: Its listening ports, by port.
    """

    ip: int
    name: str
    calls_itself: str
    network: Network | None
    country: Country | None
    doors: tuple[Door, ...]


@dataclass(frozen=True, slots=True)
class Truth:
    """What is true of one door and one probe.

    Attributes:
        ip: The address.
        port: The port.
        probe: The probe.
        open: Whether a complete message or a tunnel to the canary really is possible.
        mail: Whether mail can be sent through it.
        exit_ip: Address that the canary then sees.
        why: The personality.
    """

    ip: int
    port: int
    probe: Probe
    open: bool
    mail: bool
    exit_ip: int
    why: Personality


class World:
    """One lab.

    Args:
        seed: Any text; the same seed, ranges, number and ports give the same world anywhere.
        ranges: Its addresses, inside 127.0.0.0/8.
        answering: About how many of them answer.
        ports: Which ports are for what.

    Raises:
        ConfigError: The ranges, number or ports can't be.
    """

    def __init__(
        self,
        seed: str = "lab",
        ranges: tuple[Range, ...] = DEFAULT_RANGES,
        answering: int = 4000,
        ports: Ports | None = None,
    ) -> None:
        self.seed = seed
        self.ranges = _checked_ranges(ranges)
        self.answering = answering
        self.ports = _checked_ports(ports or Ports())
        draws = draws_of(seed)
        self.geography: Geography = make_geography(draws, self.ranges)
        self.machines: tuple[Machine, ...] = tuple(
            _machine(draws, ip, holding, self.ports)
            for ip, holding in _answering(draws, self.geography, answering)
        )
        self._machines = {machine.ip: machine for machine in self.machines}

    def __reduce__(self) -> tuple[type["World"], tuple[object, ...]]:
        """Only the four arguments travel to another process; the world is made anew there."""
        return World, (self.seed, self.ranges, self.answering, self.ports)

    def machine(self, ip: int) -> Machine | None:
        """What answers at an address; None if nothing does."""
        return self._machines.get(ip)

    def personality(self, ip: int, port: int) -> Personality | None:
        """What stands behind (address, port); None means refused."""
        machine = self._machines.get(ip)
        doors = machine.doors if machine else ()
        return next((door.personality for door in doors if door.port == port), None)

    def doors(self) -> Iterator[tuple[Machine, Door]]:
        """Every door with its machine, by address and port."""
        return ((machine, door) for machine in self.machines for door in machine.doors)

    def truth(self) -> Iterator[Truth]:
        """What is true of every door and probe, by address, port and probe."""
        for machine, door in self.doors():
            what = openness(door.personality)
            for probe in Probe:
                is_open = probe in what.probes
                yield Truth(
                    ip=machine.ip,
                    port=door.port,
                    probe=probe,
                    open=is_open,
                    mail=is_open and what.mail,
                    exit_ip=door.exit_ip,
                    why=door.personality,
                )


def _checked_ranges(ranges: tuple[Range, ...]) -> tuple[Range, ...]:
    ordered = tuple(sorted(ranges))
    for part in ordered:
        if part.start not in LOOPBACK or part.end not in LOOPBACK:
            where = f"{format_ip(part.start)}-{format_ip(part.end)}"
            raise ConfigError(
                "lab", "ranges", f"{where} is outside 127.0.0.0/8", "the lab lives on loopback only"
            )
    for one, other in itertools.pairwise(ordered):
        if other.start <= one.end:
            where = format_ip(other.start)
            raise ConfigError("lab", "ranges", f"overlap at {where}", "give each address once")
    if not ordered:
        raise ConfigError("lab", "ranges", "are empty", "e.g. 127.16.0.0/12")
    return ordered


def _checked_ports(ports: Ports) -> Ports:
    every = [port for role in Role for port in ports.of(role)]
    for port in every:
        if not 1024 <= port <= 65535:  # noqa: PLR2004 - the unprivileged ports
            raise ConfigError("lab", "ports", f"{port} won't do", "give a port from 1024 to 65535")
    if len(set(every)) != len(every):
        raise ConfigError("lab", "ports", "one port has two roles", "give each port one role")
    return ports


def _answering(draws: Draws, geography: Geography, answering: int) -> Iterator[tuple[int, Holding]]:
    """The addresses that answer, in order, each with its holding."""
    crowds = [part.network.crowd if part.network else 1.0 for part in geography.holdings]
    people = sum(
        crowd * len(part.range) for crowd, part in zip(crowds, geography.holdings, strict=True)
    )
    for crowd, part in zip(crowds, geography.holdings, strict=True):
        density = min(_HIGHEST_DENSITY, crowd * answering / people)
        for start in range(part.range.start // BLOCK * BLOCK, part.range.end + 1, BLOCK):
            for offset in np.flatnonzero(draws.block(start) < np.uint32(density * 2**32)):
                ip = start + int(offset)
                if ip in part.range:
                    yield ip, part


def _machine(draws: Draws, ip: int, holding: Holding, ports: Ports) -> Machine:
    network, country = holding.network, holding.country
    trade = network.trade if network else Trade.BUSINESS
    neglect = network.neglect if network else 1.0
    dashed = format_ip(ip).replace(".", "-")
    name = f"h-{dashed}.{country.code.lower() if country else 'nowhere'}.example"
    doors = sorted(
        (
            _door(draws, (ip, port), role, neglect, holding.range)
            for role in draw_services(draws, trade, ip)
            for port in _ports(draws, ip, ports.of(role))
        ),
        key=lambda door: door.port,
    )
    return Machine(
        ip=ip,
        name=name,
        calls_itself=_calls_itself(draws, ip, name, network, doors),
        network=network,
        country=country,
        doors=tuple(doors),
    )


def _ports(draws: Draws, ip: int, ports: tuple[int, ...]) -> list[int]:
    """The ports of one role that one machine uses: one, seldom more."""
    first = draws.pick(ports, "port", ip) if ports else None
    return [
        port
        for port in ports
        if port == first or draws.share("another port", ip, port) < _SECOND_PORT
    ]


def _door(draws: Draws, target: tuple[int, int], role: Role, neglect: float, around: Range) -> Door:
    ip, port = target
    personality = draw_personality(draws, role, neglect, ip, port)
    exit_ip = ip
    if personality in OTHER_EXIT:
        step = 1 + draws.number("exit", ip, port) % max(1, len(around) - 1)
        exit_ip = around.start + (ip - around.start + step) % len(around)
    return Door(
        port=port,
        role=role,
        personality=personality,
        software=_software(draws, target, role, personality),
        exit_ip=exit_ip,
    )


def _software(
    draws: Draws, target: tuple[int, int], role: Role, personality: Personality
) -> Software | None:
    if personality in OWN_SOFTWARE:
        return OWN_SOFTWARE[personality]
    return draws.weigh(SOFTWARE[role], "software", *target) if SOFTWARE[role] else None


def _calls_itself(
    draws: Draws, ip: int, name: str, network: Network | None, doors: list[Door]
) -> str:
    """Its own name; for some closed servers, a name that belongs to nobody or to another.

    A server that is open for senders at its own name keeps its own: by law 2 it could not be
    tested under a name that does not resolve to it.
    """
    if any(door.personality in OPEN_BY_NAME for door in doors):
        return name
    if draws.share("misnamed", ip) >= _MISNAMED:
        return name
    borrowed = f"mail.{network.domain}" if network else "localhost.localdomain"
    return draws.pick(("localhost.localdomain", borrowed), "misnomer", ip)
