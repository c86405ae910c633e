"""Whole shards over a cable: SYN discovery, conversations with real proxies, a real canary."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from made_leases import MadeCoordinator
from made_peer import RST, SYN, is_syn, target
from made_scan import MadeScan, closed_socks5, make_scan, open_socks5, silent, world
from made_wire import GATEWAY, NEAR, SOURCE, Wire, answer_everywhere, fullest_second, listening

from survey.engine.shard import run_shard
from survey.errors import LocalError
from survey.model.address import Range, parse_ip
from survey.model.discovery import DiscoveryPlan, Method
from survey.model.observation import Step
from survey.model.plan import Rate
from survey.storage.shard_file import read_address
from survey.targets import shards as shards_module
from survey.targets.optouts import add
from survey.targets.plan import plan_to_json
from survey.targets.shards import recheck_order, shard_addresses

FIRST = parse_ip("198.18.4.0")
DOORS = "198.18.4.0/26"
OVER_WIRE = DiscoveryPlan(Method.SYN, NEAR, parse_ip(GATEWAY))
Lead = Callable[[MadeScan], MadeCoordinator]


def scan_by(folder: Path, discovery: DiscoveryPlan, **values: object) -> MadeScan:
    """A plan of 256 addresses of the far end, found this way."""
    folder.mkdir(exist_ok=True)
    made = make_scan(folder, first=FIRST, addresses=256, shard_addresses=256, slots=1, **values)
    identity = replace(made.plan.identity, source_addresses=(parse_ip(SOURCE),))
    made = MadeScan(made.settings, replace(made.plan, discovery=discovery, identity=identity))
    made.run.plan.write_bytes(plan_to_json(made.plan))
    return made


def test_syn_and_connect_commit_the_same(cable: Wire, tmp_path: Path, lead: Lead) -> None:
    """Receipts agree target for target, and so does what the conversations saw."""
    doors = {FIRST + row: open_socks5 for row in range(0, 60, 5)}
    doors |= {FIRST + 7: closed_socks5, FIRST + 8: closed_socks5, FIRST + 9: silent}
    answer_everywhere(cable.far, DOORS)
    receipts, seen = {}, {}
    for discovery in (OVER_WIRE, DiscoveryPlan()):
        folder = tmp_path / discovery.method
        folder.mkdir()
        with (
            world(folder, doors, home=parse_ip(GATEWAY), where=cable.far.inside) as there,
            cable.near.inside(),
        ):
            made = scan_by(folder, discovery, canary=there.canary)
            receipt = run_shard(lead(made).grant(), lambda _: None)
        receipts[discovery.method] = receipt
        seen[discovery.method] = {
            (one.ip, one.port, one.variant, one.step, one.failure, one.refused_at)
            for ip in doors
            for one in read_address(made.run.shard(0), ip)
        }
    cable.far.run("ip", "route", "del", "local", DOORS, "dev", "lo")

    one, other = receipts[Method.SYN], receipts[Method.CONNECT]
    names = ("planned", "sent", "open", "refused", "silent", "unreachable", "observations")
    assert [getattr(one, name) for name in names] == [getattr(other, name) for name in names]
    assert (one.open, one.refused, one.silent) == (15, 49, 192)
    assert (one.late, one.strange, one.dropped) == (0, 0, 0)
    assert seen[Method.SYN] == seen[Method.CONNECT]
    assert sum(step is Step.ECHOED for _, _, _, step, _, _ in seen[Method.SYN]) == 24


def test_caps_hold_outside(cable: Wire, tmp_path: Path, lead: Lead) -> None:
    """SYNs, resets and conversations together, as they come out of the cable; one SYN if silent."""
    doors = {FIRST + row: open_socks5 for row in range(0, 60, 3)}
    answer_everywhere(cable.far, DOORS)
    with (
        world(tmp_path, doors, home=parse_ip(GATEWAY), where=cable.far.inside) as there,
        listening(cable) as wire,
        cable.near.inside(),
    ):
        made = scan_by(tmp_path, OVER_WIRE, canary=there.canary, rate=Rate(300, 120.0, 1))
        receipt = run_shard(lead(made).grant(), lambda _: None)
    cable.far.run("ip", "route", "del", "local", DOORS, "dev", "lo")

    probes = [(at, frame) for at, frame in wire.frames if target(frame)[0] < parse_ip(GATEWAY)]
    wire.frames = probes
    assert receipt.open == len(doors)
    assert len(wire.packets()) <= receipt.packets
    assert fullest_second(wire.packets()) <= 300
    assert fullest_second(wire.packets(SYN, FIRST >> 8)) <= 120
    syns = [target(frame)[0] for _, frame in probes if is_syn(frame)]
    assert all(syns.count(FIRST + row) == 1 for row in range(256) if FIRST + row not in doors)
    assert len(wire.packets(RST)) >= len(doors)


def test_opted_out_addresses_get_no_packet(cable: Wire, tmp_path: Path, lead: Lead) -> None:
    """They are counted; nothing for them comes out of the cable."""
    with (
        world(tmp_path, {}, home=parse_ip(GATEWAY), where=cable.far.inside) as there,
        listening(cable) as wire,
        cable.near.inside(),
    ):
        made = scan_by(tmp_path, OVER_WIRE, canary=there.canary)
        now = datetime.now(UTC)
        ranges = (Range(FIRST + 16, FIRST + 47),)
        add(Path(made.plan.optouts), ranges, "a test", "", now, now)
        receipt = run_shard(lead(made).grant(), lambda _: None)

    assert (receipt.opted_out, receipt.sent, receipt.silent) == (32, 224, 224)
    reached = {target(frame)[0] - FIRST for _, frame in wire.frames if is_syn(frame)}
    assert not reached & set(range(16, 48))


def test_second_look_is_one_more_syn_to_the_sample(
    cable: Wire, tmp_path: Path, lead: Lead, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted outside: two for those of the keyed choice, one for all others."""
    monkeypatch.setattr(shards_module, "RECHECKED", 4)
    doors = {FIRST + row: open_socks5 for row in range(0, 60, 3)}
    answer_everywhere(cable.far, DOORS)
    with (
        world(tmp_path, doors, home=parse_ip(GATEWAY), where=cable.far.inside) as there,
        listening(cable) as wire,
        cable.near.inside(),
    ):
        made = scan_by(tmp_path, OVER_WIRE, canary=there.canary)
        receipt = run_shard(lead(made).grant(), lambda _: None)
    cable.far.run("ip", "route", "del", "local", DOORS, "dev", "lo")

    again = {int(shard_addresses(made.plan, 0)[place]) for place in recheck_order(made.plan, 0)}
    syns = Counter(target(frame)[0] for _, frame in wire.frames if is_syn(frame))
    for row in range(256):
        if FIRST + row not in doors:
            assert syns[FIRST + row] == 1 + (FIRST + row in again)
    assert (receipt.sent, receipt.rechecked, receipt.missed) == (256, 64, 0)
    assert receipt.reopened == len(again & doors.keys()) > 0


@pytest.mark.parametrize(
    ("discovery", "problem"),
    [
        (replace(OVER_WIRE, interface="nothing0"), "can't use 'nothing0'"),
        (replace(OVER_WIRE, gateway=0), "no default route through near"),
        (replace(OVER_WIRE, source_ports=(40000, 40999)), "ip_local_port_range"),
    ],
)
def test_machine_that_can_not_is_told_so(
    cable: Wire, tmp_path: Path, lead: Lead, discovery: DiscoveryPlan, problem: str
) -> None:
    """One line, before anything is sent; the shard can be done elsewhere."""
    with listening(cable) as wire, cable.near.inside():
        made = scan_by(tmp_path, discovery)
        with pytest.raises(LocalError, match=problem) as caught:
            run_shard(lead(made).grant(), lambda _: None)

    assert "\n" not in str(caught.value)
    assert not any(is_syn(frame) for _, frame in wire.frames)
    assert not made.run.shard(0).exists()
