"""SYN discovery on a real cable: every target gets one SYN and the status that it has."""

import asyncio
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import uvloop
from made_peer import RST, SYN, is_syn, reset, segment, syn_ack, target, unreachable
from made_wire import Wire, answer_everywhere, fullest_second, listening

from survey.engine import discovery as connect_module
from survey.engine.discovery import Discovery, Heard, Tally
from survey.engine.hosts import Hosts
from survey.engine.neighbourhoods import Neighbourhoods
from survey.engine.pacing import Pacer
from survey.engine.supply import Supply
from survey.engine.syn import discovery as module
from survey.engine.syn import receive_ring
from survey.errors import LocalError
from survey.model.address import Range, format_ip, parse_ip
from survey.targets.optouts import add
from survey.targets.shards import shard_targets

FIRST = parse_ip("198.18.4.0")
PORT = 1080
Make = Callable[..., Any]


def rank(frame: bytes) -> int:
    """Which of the far end's addresses a frame went to, from 0."""
    return target(frame)[0] - FIRST


def everybody(answer: Callable[[bytes], bytes]) -> Callable[[bytes], list[bytes]]:
    """All hosts answer a SYN alike."""
    return lambda frame: [answer(frame)] if is_syn(frame) else []


def test_each_target_has_its_status(cable: Wire, make: Make) -> None:
    """Open, refused, unreachable and silent, as the answers say; one SYN each, one reset each."""
    by_kind = (
        syn_ack,
        reset,
        lambda frame: unreachable(frame, 1),
        lambda frame: unreachable(frame, 3),
        lambda frame: unreachable(frame, 0, kind=11),
    )

    def answers(frame: bytes) -> list[bytes]:
        kind = rank(frame) % 6
        return [by_kind[kind](frame)] if is_syn(frame) and kind < len(by_kind) else []

    with listening(cable, answers) as seen:
        made = make(600)
        made.discovery.run_alone()
        time.sleep(0.1)

    tally = Tally(sent=600, open=100, refused=200, silent=100, unreachable=200)
    assert made.discovery.tally == tally
    assert sorted(made.found) == [(FIRST + row, PORT) for row in range(0, 600, 6)]
    assert made.discovery.heard == Heard()
    assert made.discovery.finished
    syns = Counter(target(frame) for _, frame in seen.frames if is_syn(frame))
    assert syns == Counter({(FIRST + row, PORT): 1 for row in range(600)})
    assert len(seen.packets(RST)) == 100
    assert made.pacer.meter.total == len(seen.packets()) == 700


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_event_loop_gives_the_same(
    cable: Wire, make: Make, new_loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    """Inside a loop it is the same discovery, and others get their turn."""
    turns = 0

    async def beside() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def both() -> None:
        task = asyncio.create_task(beside())
        await made.discovery.run()
        task.cancel()

    with listening(cable, everybody(syn_ack)):
        made = make(300, rate=3000)
        with asyncio.Runner(loop_factory=new_loop) as runner:
            runner.run(both())

    assert made.discovery.tally == Tally(sent=300, open=300)
    assert turns > 1


def test_liars_are_not_believed(cable: Wire, make: Make) -> None:
    """Who did not see our SYN can't answer it, and no host answers for its neighbour."""

    def answers(frame: bytes) -> list[bytes]:
        if not is_syn(frame):
            return []
        ip, _ = target(frame)
        other_port = frame[:34] + (61000 + frame[35] % 7).to_bytes(2, "big") + frame[36:]
        return [
            segment(frame, 0x12, ahead=2),
            segment(frame, 0x12, source=ip ^ 1),
            segment(frame, 0x14, ahead=0),
            segment(other_port, 0x12),
            unreachable(frame[:38] + bytes(4) + frame[42:], 1),
        ]

    with listening(cable, answers):
        made = make(64)
        made.discovery.run_alone()

    assert made.discovery.tally == Tally(sent=64, silent=64)
    assert made.found == []
    assert made.discovery.heard == Heard(strange=5 * 64)
    # the kernel resets three of them, believed or not
    assert made.pacer.meter.total == 64 + 3 * 64


def test_the_first_answer_counts_and_once(cable: Wire, make: Make) -> None:
    """Repetitions and second thoughts are counted apart."""

    def answers(frame: bytes) -> list[bytes]:
        if not is_syn(frame):
            return []
        if rank(frame) % 2:
            return [reset(frame), syn_ack(frame)]
        return [syn_ack(frame), syn_ack(frame), reset(frame)]

    with listening(cable, answers):
        made = make(100)
        made.discovery.run_alone()

    assert made.discovery.tally == Tally(sent=100, open=50, refused=50)
    assert len(made.found) == 50
    assert made.discovery.heard == Heard(repeated=150)


def test_answer_after_the_time_is_late(
    cable: Wire, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It changes nothing, as it would not for a connect(); it is counted."""
    monkeypatch.setattr(module, "TIMEOUT", 0.1)
    frames: list[bytes] = []

    def answers(frame: bytes) -> list[bytes]:
        if not is_syn(frame):
            return []
        frames.append(syn_ack(frame))
        return [frames[0]] if len(frames) == 40 else []

    with listening(cable, answers):
        made = make(40, rate=100)
        made.discovery.run_alone()

    tally = made.discovery.tally
    assert (tally.sent, tally.open, tally.silent) == (40, 0, 40)
    assert made.discovery.heard == Heard(late=1)


def test_answers_during_a_stall_are_in_time(cable: Wire, make: Make) -> None:
    """A stall of ours longer than the timeout makes no open target silent."""
    with listening(cable, everybody(syn_ack)):
        made = make(50)
        made.discovery._launch(time.monotonic() - 5)
        time.sleep(module.TIMEOUT + 0.1)
        made.discovery.run_alone()

    assert made.discovery.tally == Tally(sent=50, open=50)


def test_opt_out_in_the_middle_is_obeyed(cable: Wire, make: Make) -> None:
    """What opted out while waiting is sent nothing, and counted as such."""
    with listening(cable) as seen:
        made = make(100, rate=50)
        discovery = made.discovery
        while discovery.tally.sent < 10:
            time.sleep(discovery.step())
        sent = {target(frame)[0] for _, frame in seen.frames}
        gone = sorted({FIRST + row for row in range(100)} - sent)[:40]
        ranges = tuple(Range(ip, ip) for ip in gone)
        now = datetime.now(UTC)
        add(Path(made.plan.optouts), ranges, "a test", "", now, now)
        made.gate.refresh()
        discovery.run_alone()

    kept_back = discovery.kept_back.opted_out
    assert kept_back >= 30  # some may have left between the look and the log
    assert discovery.tally == Tally(sent=100 - kept_back, silent=100 - kept_back)
    assert not {target(frame)[0] for _, frame in seen.frames[20:]} & set(gone[10:])


def test_nothing_is_sent_while_held(cable: Wire, make: Make) -> None:
    """Back-pressure and lost leases stop it before the next SYN."""
    held = True
    with listening(cable, everybody(reset)) as seen:
        made = make(20, holds=lambda: held)
        assert made.discovery.step() > 0
        assert made.discovery.tally.sent == 0
        assert seen.frames == []
        held = False
        made.discovery.run_alone()

    assert made.discovery.tally == Tally(sent=20, refused=20)


def test_nothing_is_sent_long_after_the_gate_was_asked(
    cable: Wire, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that was frozen in between asks again: its lease may be over."""
    with listening(cable, everybody(reset)) as seen:
        made = make(20)
        monkeypatch.setattr(module, "FRESH", -1.0)
        for _ in range(3):
            made.discovery.step()
        assert made.discovery.tally.sent == 0
        monkeypatch.setattr(module, "FRESH", 0.05)
        made.discovery.run_alone()

    assert made.discovery.tally == Tally(sent=20, refused=20)
    assert len(seen.packets(SYN)) == 20
    assert made.pacer.meter.total == 20


@pytest.mark.parametrize("rate", [400, 3000])
def test_cap_holds_outside(cable: Wire, make: Make, rate: int) -> None:
    """Our SYNs and our kernel's resets together, as they come out of the cable."""
    hosts = rate * 5 // 4
    with listening(cable, everybody(syn_ack)) as seen:
        made = make(hosts, rate=rate)
        made.discovery.run_alone()
        time.sleep(0.1)

    # the far end of a busy machine may answer late, and some after the end
    assert len(seen.packets(SYN)) == made.discovery.tally.sent == hosts
    assert made.discovery.tally.open >= hosts // 2
    assert made.discovery.tally.open <= len(seen.packets(RST)) <= hosts
    assert fullest_second(seen.packets()) <= rate
    assert made.pacer.meter.peak <= rate


def test_cap_holds_outside_at_speed(cable: Wire, make: Make) -> None:
    """Thousands of SYNs in a burst, all refused by a kernel."""
    answer_everywhere(cable.far, "198.18.0.0/16")
    with listening(cable) as seen:
        made = make(40_000, rate=25_000)
        made.discovery.run_alone()
    cable.far.run("ip", "route", "del", "local", "198.18.0.0/16", "dev", "lo")

    assert made.discovery.tally == Tally(sent=40_000, refused=40_000)
    assert len(seen.packets(SYN)) == 40_000
    assert fullest_second(seen.packets()) <= 25_000


def test_networks_have_their_cap(cable: Wire, make: Make) -> None:
    """No /24 gets more new connections in a second, as they come out of the cable."""
    with listening(cable, everybody(reset)) as seen:
        made = make(256 + 128, per_24=100.0)
        made.discovery.run_alone()

    assert made.discovery.tally.refused == 384
    for network in (FIRST >> 8, (FIRST >> 8) + 1):
        assert 64 <= fullest_second(seen.packets(SYN, network)) <= 100


def test_host_limit_holds(cable: Wire, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ports of one silent host are tried one after the other, if it may have one connection."""
    monkeypatch.setattr(module, "TIMEOUT", 0.2)
    with listening(cable) as seen:
        made = make(4, (1080, 3128, 8080), per_host=1)
        made.discovery.run_alone()

    assert made.discovery.tally == Tally(sent=12, silent=12)
    times: dict[int, list[float]] = {}
    for at, frame in seen.frames:
        times.setdefault(target(frame)[0], []).append(at)
    assert all(
        later - earlier >= 0.2 for each in times.values() for earlier, later in pairwise(each)
    )


def test_interface_that_takes_nothing_fails_the_shard(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a while it is an error that names the interface's key; nothing is said of targets."""
    monkeypatch.setattr(module, "OURS_LIMIT", 0.1)
    made = make(20)
    monkeypatch.setattr(made.discovery._send, "send", lambda count: (0, 100))  # noqa: ARG005

    with pytest.raises(LocalError, match=r"Network is down; see to discovery\.interface"):
        made.discovery.run_alone()

    assert made.discovery.tally == Tally()
    assert made.pacer.meter.total == 0


def test_short_shortage_is_waited_for(
    cable: Wire, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a card did not take is sent later, once."""
    with listening(cable, everybody(reset)) as seen:
        made = make(100)
        ring = made.discovery._send
        really, times = ring.send, iter(range(3))

        def partly(count: int) -> tuple[int, int]:
            return (really(count // 2)[0], 105) if next(times, None) else really(count)

        monkeypatch.setattr(ring, "send", partly)
        made.discovery.run_alone()

    assert made.discovery.tally == Tally(sent=100, refused=100)
    assert len(seen.packets(SYN)) == 100
    assert made.pacer.meter.total == 100


def test_lost_answers_are_counted(cable: Wire, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ring that was too small for what came is no secret."""
    monkeypatch.setattr(receive_ring, "FRAMES", 256)
    with listening(cable, everybody(reset)) as seen:
        made = make(1000)
        made.discovery._launch(time.monotonic())
        while len(seen.frames) < 1000:
            time.sleep(0.01)
        time.sleep(0.1)
        made.discovery.run_alone()

    assert made.discovery.tally == Tally(sent=1000, refused=256, silent=744)
    assert made.discovery.heard.dropped == 744


def test_connect_and_syn_give_the_same(cable: Wire, make: Make) -> None:
    """Real kernels at both ends: the same doors, refusals, errors and silence."""
    with real_hosts(cable) as doors:
        made = make(256, (PORT, 3128))
        made.discovery.run_alone()
        found: list[tuple[int, int]] = []
        connect = Discovery(
            Supply(shard_targets(made.plan, 0, 64), made.gate),
            Pacer(200_000, Neighbourhoods(50_000.0, 1, 0)),
            Hosts(16),
            room=500,
            on_open=lambda ip, port: found.append((ip, port)),
            holds=lambda: False,
        )
        connect.run_alone()

    assert made.discovery.tally == connect.tally
    assert sorted(made.found) == sorted(found) == sorted(doors)
    tally = connect.tally
    assert (tally.open, tally.silent, tally.unreachable) == (len(doors), 128, 128)
    assert connect_module.TIMEOUT == module.TIMEOUT


@contextmanager
def real_hosts(cable: Wire) -> Iterator[set[tuple[int, int]]]:
    """Half of 256 addresses have a kernel, some of them doors; a quarter has a router's errors."""
    far, base = cable.far, "198.18.4.0/25"

    def errors(frame: bytes) -> list[bytes]:
        row = rank(frame)
        if not (is_syn(frame) and 128 <= row < 192):
            return []
        return [unreachable(frame, 1 if row < 160 else 13)]

    doors = {
        (FIRST + row, port) for row in range(0, 128, 2) for port in (PORT, 3128)[: 1 + row % 4]
    }
    answer_everywhere(far, base)
    with ExitStack() as stack:
        stack.enter_context(listening(cable, errors))
        with far.inside():
            for ip, port in doors:
                sock = stack.enter_context(socket.socket())
                sock.bind((format_ip(ip), port))
                sock.listen(8)
        yield doors
    far.run("ip", "route", "del", "local", base, "dev", "lo")
