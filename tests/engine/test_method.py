"""A shard finds open ports as its plan says, and slots on one machine don't hear each other."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_leases import MadeCoordinator
from made_peer import is_syn, syn_ack
from made_scan import FIRST, PORT, MadeScan, closed_socks5, make_scan, open_socks5, world
from made_wire import GATEWAY, NEAR, SOURCE, Wire, listening, wire

from survey.engine.discovery import Discovery, Heard, Tally
from survey.engine.hosts import Hosts
from survey.engine.imported import ImportedDiscovery
from survey.engine.method import Surroundings, open_discovery
from survey.engine.neighbourhoods import Neighbourhoods
from survey.engine.pacing import Pacer
from survey.engine.shard import run_shard
from survey.engine.syn.discovery import SynDiscovery
from survey.errors import LocalError, StorageError
from survey.model.address import Range, parse_ip
from survey.model.discovery import DiscoveryPlan, Method
from survey.storage.found import write_found
from survey.targets.gate import Gate
from survey.targets.imported import Imported, match
from survey.targets.optouts import add
from survey.targets.plan import plan_to_json

Lead = Callable[[MadeScan], MadeCoordinator]


@pytest.fixture(scope="module")
def cable() -> Iterator[Wire]:
    """Two namespaces."""
    with wire() as made:
        yield made


def around(made: MadeScan, found: list[tuple[int, int]]) -> Surroundings:
    """What a shard has."""
    plan = made.plan
    return Surroundings(
        Gate.open(plan, lambda: True),
        Pacer(100_000, Neighbourhoods(plan.rate.per_24_per_second, plan.slots, 0)),
        Hosts(plan.rate.per_host_connections),
        wall=time.time,
        room=100,
        on_open=lambda ip, port: found.append((ip, port)),
        holds=lambda: False,
    )


def importing(made: MadeScan, *targets: tuple[int, int]) -> MadeScan:
    """The same scan, of what was found before."""
    ips = np.array([ip for ip, _ in targets], dtype=np.uint32)
    ports = np.array([port for _, port in targets], dtype=np.uint16)
    matched = match(made.plan, Imported(ips, ports, 0))
    digest = write_found(made.run.found, matched.indices, matched.ports)
    return with_discovery(made, DiscoveryPlan(Method.IMPORT, found=digest))


def with_discovery(made: MadeScan, discovery: DiscoveryPlan, **changes: Any) -> MadeScan:
    """The same scan, found another way."""
    plan = replace(made.plan, discovery=discovery, **changes)
    made.run.plan.write_bytes(plan_to_json(plan))
    return MadeScan(made.settings, plan)


def test_connect_is_the_default(tmp_path: Path) -> None:
    """It needs nothing."""
    made = make_scan(tmp_path)

    opened = open_discovery(made.plan, made.assignment(), made.run, around(made, []))

    assert isinstance(opened, Discovery)
    opened.close()


def test_import_is_tested_like_anything_else(tmp_path: Path, lead: Lead) -> None:
    """Only what was found is dialled; opt-outs hold; every target is in the receipts."""
    doors = {FIRST + 3: open_socks5, FIRST + 7: closed_socks5, FIRST + 40: open_socks5}
    doors |= {FIRST + 9: open_socks5, FIRST + 11: open_socks5}
    with world(tmp_path, doors) as there:
        made = make_scan(tmp_path, canary=there.canary)
        made = importing(made, *((ip, PORT) for ip in doors if ip != FIRST + 11))
        now = datetime.now(UTC)
        add(Path(made.plan.optouts), (Range(FIRST + 9, FIRST + 9),), "a test", "", now, now)
        chief = lead(made)
        receipts = [run_shard(chief.grant(shard, slot=shard), lambda _: None) for shard in (0, 1)]

    def total(name: str) -> int:
        return sum(getattr(receipt, name) for receipt in receipts)

    assert (total("planned"), total("sent"), total("opted_out")) == (64, 63, 1)
    assert (total("open"), total("silent"), total("conversations")) == (3, 60, 3)
    assert set(there.visits) == {FIRST + 3, FIRST + 7, FIRST + 40}


def test_table_that_is_not_the_plans_stops_the_shard(tmp_path: Path) -> None:
    """Nobody knows what was left out of it."""
    made = importing(make_scan(tmp_path), (FIRST + 3, PORT))
    found: list[tuple[int, int]] = []
    opened = open_discovery(made.plan, made.assignment(), made.run, around(made, found))
    assert isinstance(opened, ImportedDiscovery)
    importing(made, (FIRST + 4, PORT))

    with pytest.raises(StorageError, match="is not what was planned"):
        open_discovery(made.plan, made.assignment(), made.run, around(made, found))


def test_no_capability_no_syn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line says what to give, and what else to choose."""

    def refused(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    discovery = DiscoveryPlan(Method.SYN, "eth0", parse_ip("192.0.2.1"))
    made = with_discovery(make_scan(tmp_path), discovery)
    monkeypatch.setattr("survey.engine.syn.packet_socket.socket.socket", refused)
    monkeypatch.setattr("survey.engine.syn.link._check_ours", lambda _: None)
    monkeypatch.setattr("survey.engine.syn.link._address_of", lambda _: 1)

    with pytest.raises(LocalError, match="CAP_NET_RAW") as caught:
        open_discovery(made.plan, made.assignment(), made.run, around(made, []))

    assert "\n" not in str(caught.value)


def test_slots_on_one_machine_do_not_hear_each_other(cable: Wire, tmp_path: Path) -> None:
    """Each has source ports of its own, and its own share of every /24."""
    first = parse_ip("198.18.8.0")
    made = make_scan(tmp_path, first=first, addresses=512, shard_addresses=256)
    identity = replace(made.plan.identity, source_addresses=(parse_ip(SOURCE),))
    discovery = DiscoveryPlan(Method.SYN, NEAR, parse_ip(GATEWAY), (61000, 61003))
    made = with_discovery(made, discovery, identity=identity)
    found: tuple[list[tuple[int, int]], ...] = ([], [])
    answer = lambda frame: [syn_ack(frame)] if is_syn(frame) else []  # noqa: E731
    with cable.near.inside(), listening(cable, answer) as seen:
        surroundings = [around(made, each) for each in found]
        both = [
            open_discovery(made.plan, made.assignment(slot, slot=slot), made.run, there)
            for slot, there in enumerate(surroundings)
        ]
        assert all(isinstance(one, SynDiscovery) for one in both)
        while not all(one.finished for one in both):  # type: ignore[attr-defined]
            time.sleep(min(one.step() for one in both))  # type: ignore[attr-defined]
        for one in both:
            one.close()

    assert [one.tally for one in both] == [Tally(sent=256, open=256)] * 2
    assert [one.heard for one in both] == [Heard(), Heard()]
    assert len(set(found[0]) | set(found[1])) == 512
    ports = {int.from_bytes(frame[34:36], "big") for _, frame in seen.frames if is_syn(frame)}
    assert ports == {61000, 61001, 61002, 61003}
    assert [there.pacer.meter.total for there in surroundings] == [512, 512]
