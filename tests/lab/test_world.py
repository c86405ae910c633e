"""A world is a pure function of its seed, and looks like an internet."""

import collections
import hashlib
import os
import pickle
import subprocess
import sys

import pytest

from survey.errors import ConfigError
from survey.lab.personality import OPEN_BY_NAME, Personality, openness
from survey.lab.world import Machine, Ports, World
from survey.model.address import Range
from survey.model.probe import Probe

SMALL = (Range(0x7F10_0000, 0x7F10_FFFF),)


@pytest.fixture(scope="module")
def world() -> World:
    """The default world: a million addresses."""
    return World()


def fingerprint(world: World) -> str:
    """A hash over everything that a world says."""
    return hashlib.sha256(repr((world.machines, list(world.truth()))).encode()).hexdigest()


def test_another_process_makes_the_same_world() -> None:
    """Neither the process nor its hash seed matters; the seed does."""
    code = (
        "import hashlib; from survey.lab.world import World;"
        "from survey.model.address import Range;"
        f"world = World('s', ({SMALL[0]!r},), 900);"
        "print(hashlib.sha256(repr((world.machines, list(world.truth()))).encode()).hexdigest())"
    )
    there = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONHASHSEED": "12345"},
    ).stdout.strip()

    assert there == fingerprint(World("s", SMALL, 900))
    assert there != fingerprint(World("t", SMALL, 900))


def test_a_world_travels_as_its_arguments() -> None:
    """A pickle is small, and makes the same world."""
    world = World("s", SMALL, 900)

    pickled = pickle.dumps(world)

    assert len(pickled) < 1000
    assert fingerprint(pickle.loads(pickled)) == fingerprint(world)  # noqa: S301 - our own


def test_about_as_many_addresses_answer_as_were_asked_for(world: World) -> None:
    """A few thousand among a million; in every network some don't."""
    assert 3600 < len(world.machines) < 4400
    assert 1300 < len(World("s", SMALL, 1500).machines) < 1700
    for part in world.geography.holdings:
        answering = sum(machine.ip in part.range for machine in world.machines)
        assert answering < len(part.range)


def test_every_personality_occurs_and_the_mixture_is_stable(world: World) -> None:
    """None is missing; closed doors are most; open ones are a fair part, each kind of them."""
    counts = collections.Counter(door.personality for _, door in world.doors())

    assert set(counts) == set(Personality)
    assert min(counts.values()) >= 5
    share = sum(n for one, n in counts.items() if openness(one).probes) / counts.total()
    assert 0.15 < share < 0.35
    assert counts[Personality.RELAY_DEFERRED] > counts[Personality.OPEN_RELAY]


def test_countries_and_networks_are_exposed_unequally(world: World) -> None:
    """Reports on this world have something to rank."""
    doors, open_ = collections.Counter[str](), collections.Counter[str]()
    for machine, door in world.doors():
        if machine.country:
            doors[machine.country.code] += 1
            open_[machine.country.code] += bool(openness(door.personality).probes)

    shares = sorted(open_[code] / count for code, count in doors.items() if count > 50)
    assert len(doors) >= 12
    assert shares[-1] > 2 * shares[0]


def test_truth_has_each_door_and_probe_once_and_agrees_with_personality(world: World) -> None:
    """Refused addresses are not in it."""
    truths = list(world.truth())

    assert len({(one.ip, one.port, one.probe) for one in truths}) == len(truths)
    assert len(truths) == len(Probe) * sum(1 for _ in world.doors())
    for one in truths:
        assert world.personality(one.ip, one.port) is one.why
        assert one.open == (one.probe in openness(one.why).probes)
        assert one.open or not one.mail


def test_only_proxies_of_two_addresses_have_another_exit(world: World) -> None:
    """And that exit is close by, never the entry."""
    for one in world.truth():
        assert (one.exit_ip != one.ip) == ("other_exit" in one.why)
        if one.exit_ip != one.ip:
            [around] = [part for part in world.geography.holdings if one.ip in part.range]
            assert one.exit_ip in around.range


def test_a_server_open_to_its_own_name_has_one_that_resolves(world: World) -> None:
    """Law 2 forbids any other name in an envelope; some closed servers have such names."""
    misnamed = [one for one in world.machines if one.calls_itself != one.name]

    assert misnamed
    for machine in misnamed:
        assert all(door.personality not in OPEN_BY_NAME for door in machine.doors)


def test_what_does_not_answer_has_no_personality(world: World) -> None:
    """Neither a free address nor another port of a machine."""
    machine = world.machines[0]
    free = next(ip for ip in range(machine.ip, machine.ip + 300) if world.machine(ip) is None)

    assert world.personality(free, 2525) is None
    assert world.personality(machine.ip, 1) is None


def test_machines_keep_their_ports_apart(world: World) -> None:
    """Each port once, in order, in the role it has everywhere."""
    machine: Machine
    for machine in world.machines:
        ports = [door.port for door in machine.doors]
        assert ports == sorted(set(ports))
        assert ports
        assert all(door.port in world.ports.of(door.role) for door in machine.doors)


@pytest.mark.parametrize(
    ("ranges", "ports", "said"),
    [
        ((Range(0x0A00_0000, 0x0A00_00FF),), Ports(), "outside 127.0.0.0/8"),
        ((Range(0x7FFF_FF00, 0x8000_0000),), Ports(), "outside 127.0.0.0/8"),
        ((Range(0x7F10_0000, 0x7F10_00FF),) * 2, Ports(), "overlap"),
        ((), Ports(), "are empty"),
        (SMALL, Ports(smtp=(25,)), "1024 to 65535"),
        (SMALL, Ports(smtp=(1080,)), "one port has two roles"),
    ],
)
def test_a_world_that_cannot_be_is_refused(
    ranges: tuple[Range, ...], ports: Ports, said: str
) -> None:
    """In one line that says what would be right."""
    with pytest.raises(ConfigError, match=said):
        World("s", ranges, 10, ports)
