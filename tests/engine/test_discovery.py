"""Every target gets the status that it has, and what we lack is never a target's status."""

import asyncio
import errno
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import uvloop

from survey.engine import discovery as module
from survey.engine.discovery import Discovery, Tally
from survey.engine.hosts import Hosts
from survey.engine.neighbourhoods import Neighbourhoods
from survey.engine.pacing import Pacer
from survey.engine.supply import Supply
from survey.errors import SurveyError

BASE = 0x7F400000  # 127.64.0.0: nobody listens there
FREE = 9
Cut = Callable[..., Iterator[Any]]
Make = Callable[..., Discovery]


@pytest.fixture
def doors() -> Iterator[Callable[[int], int]]:
    """Opens a port on an address of our own choice."""
    with ExitStack() as stack:

        def listen(ip: int, backlog: int = 64) -> int:
            sock = stack.enter_context(socket.socket())
            sock.bind((socket.inet_ntoa(ip.to_bytes(4, "big")), 0))
            sock.listen(backlog)
            port: int = sock.getsockname()[1]
            return port

        yield listen


@pytest.fixture
def full_door(doors: Callable[..., int]) -> Iterator[int]:
    """A port of 127.64.255.1 that answers no SYN: its queue is full."""
    port = doors(BASE + 0xFF01, backlog=0)
    with ExitStack() as stack:
        for _ in range(4):
            sock = stack.enter_context(
                socket.socket(type=socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
            )
            sock.connect_ex(("127.64.255.1", port))
        time.sleep(0.05)
        yield port


@pytest.fixture
def make(gate: Any, batches: Cut) -> Make:
    """A discovery of some targets, fast unless told otherwise."""

    def build(
        targets: list[tuple[int, int]],
        *,
        rate: int = 100_000,
        per_24: float = 50_000.0,
        per_host: int = 10,
        room: int = 500,
        found: list[tuple[int, int]] | None = None,
        holds: Callable[[], bool] = lambda: False,
        sources: tuple[int, ...] = (),
    ) -> Discovery:
        opened = [] if found is None else found
        return Discovery(
            Supply(batches(targets, size=64), gate),
            Pacer(rate, Neighbourhoods(per_24, 1, 0)),
            Hosts(per_host),
            room=room,
            on_open=lambda ip, port: opened.append((ip, port)),
            holds=holds,
            sources=sources,
        )

    return build


def test_refused_open_and_silent_are_told_apart(
    make: Make, doors: Callable[[int], int], full_door: int
) -> None:
    """Each target has one status, and open ones are handed on."""
    opened = [(BASE + number, doors(BASE + number)) for number in range(1, 6)]
    refused = [(BASE + number, FREE) for number in range(10, 400)]
    found: list[tuple[int, int]] = []
    discovery = make([*refused, *opened, (BASE + 0xFF01, full_door)], found=found)

    discovery.run_alone()

    assert discovery.tally == Tally(sent=396, open=5, refused=390, silent=1)
    assert sorted(found) == opened
    assert discovery.finished


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_event_loop_gives_the_same(
    make: Make, doors: Callable[[int], int], new_loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    """Inside a loop it is the same discovery, and others get their turn."""
    opened = [(BASE + number, doors(BASE + number)) for number in range(1, 4)]
    refused = [(BASE + number, FREE) for number in range(10, 3000)]
    discovery = make([*refused[:1500], *opened, *refused[1500:]])
    turns = 0

    async def beside() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def both() -> None:
        task = asyncio.create_task(beside())
        await discovery.run()
        task.cancel()

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(both())

    assert discovery.tally == Tally(sent=2993, open=3, refused=2990)
    assert turns > 1


def test_open_door_sees_a_connection_that_ends_at_once(make: Make) -> None:
    """Discovery leaves no half-open connection behind: it resets."""
    with socket.socket() as listener:
        listener.bind(("127.64.0.1", 0))
        listener.listen()
        make([(BASE + 1, listener.getsockname()[1])]).run_alone()
        peer, _ = listener.accept()
        with peer:
            peer.settimeout(5)
            with pytest.raises(ConnectionResetError):
                peer.recv(1)


def test_unreachable_network_is_a_status(make: Make) -> None:
    """What the kernel says of a route is told of the target; a broadcast address is one."""
    discovery = make([(0x7FFFFFFF, FREE), (BASE + 1, FREE)])

    discovery.run_alone()

    assert discovery.tally == Tally(sent=2, refused=1, unreachable=1)


def test_cap_holds_on_the_wire(make: Make) -> None:
    """No second has more packets than the rate, though the targets would allow it."""
    discovery = make([(BASE + number, FREE) for number in range(600)], rate=400)

    discovery.run_alone()

    assert discovery.tally.refused == 600
    assert discovery._pacer.meter.total == 600
    assert discovery._pacer.meter.peak <= 400


def test_24_has_its_own_cap(make: Make) -> None:
    """A dense /24 is visited slowly, others meanwhile."""
    dense = [(BASE + number, FREE) for number in range(30)]
    other = [(BASE + (number << 8), FREE) for number in range(1, 30)]
    times: dict[int, list[float]] = {}
    discovery = make(dense + other, per_24=20.0)
    enter = discovery._pacer.neighbourhoods.enter

    def noted(ip: int, now: float) -> float:
        wait = enter(ip, now)
        if not wait:
            times.setdefault(ip >> 8, []).append(now)
        return wait

    discovery._pacer.neighbourhoods.enter = noted
    discovery.run_alone()

    assert discovery.tally.refused == 59
    at = times[BASE >> 8]
    assert all(sum(start <= each < start + 1 for each in at) <= 20 for start in at)


def test_host_limit_holds(make: Make, full_door: int) -> None:
    """Two ports of one silent host are not tried at once if it may have one connection."""
    silent = BASE + 0xFF01
    discovery = make([(silent, full_door), (silent, FREE), (BASE + 2, FREE)], per_host=1)

    discovery.step()
    assert discovery.in_air == 1
    assert discovery.tally.sent == 2
    discovery.run_alone()

    assert discovery.tally == Tally(sent=3, refused=2, silent=1)


def test_few_descriptors_are_enough(make: Make) -> None:
    """Room bounds what is in the air, not what gets done."""
    discovery = make([(BASE + number, FREE) for number in range(500)], room=3)

    discovery.run_alone()

    assert discovery.tally.refused == 500
    assert len(discovery._idle) == 0


@pytest.mark.parametrize("lack", [errno.EMFILE, errno.ENFILE, errno.ENOBUFS])
def test_running_out_of_descriptors_pauses(
    make: Make, monkeypatch: pytest.MonkeyPatch, lack: int
) -> None:
    """The targets are tried again later, and nothing is said of them."""
    discovery = make([(BASE + number, FREE) for number in range(50)])
    really = discovery._socket
    failures = iter([lack] * 3)

    def sometimes() -> socket.socket:
        if code := next(failures, None):
            raise OSError(code, "none left")
        return really()

    monkeypatch.setattr(discovery, "_socket", sometimes)
    discovery.run_alone()

    assert discovery.tally == Tally(sent=50, refused=50)
    assert discovery._pacer.meter.total == 50


def test_lack_of_ports_is_ours(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """EADDRNOTAVAIL is retried; no packet left, so none is charged."""
    discovery = make([(BASE + number, FREE) for number in range(20)])
    really = discovery._socket

    class Portless:
        """A socket that once finds no port."""

        def __init__(self, sock: socket.socket) -> None:
            self._sock, self._failed = sock, False

        def connect_ex(self, address: tuple[str, int]) -> int:
            """Fail once."""
            if not self._failed:
                self._failed = True
                return errno.EADDRNOTAVAIL
            return self._sock.connect_ex(address)

        def __getattr__(self, name: str) -> object:
            return getattr(self._sock, name)

    monkeypatch.setattr(discovery, "_socket", lambda: Portless(really()))
    discovery.run_alone()

    assert discovery.tally == Tally(sent=20, refused=20)
    assert discovery._pacer.meter.total == 20


def test_lasting_lack_fails_the_shard(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a while it is an error that says what to raise."""
    monkeypatch.setattr(module, "OURS_LIMIT", 0.05)
    discovery = make([(BASE + 1, FREE)])

    def never() -> socket.socket:
        raise OSError(errno.EMFILE, "none left")

    monkeypatch.setattr(discovery, "_socket", never)
    with pytest.raises(SurveyError, match="open files"):
        discovery.run_alone()


def test_nothing_is_dialled_while_held(make: Make) -> None:
    """Back-pressure and lost leases stop it before the next connect."""
    held = True
    discovery = make([(BASE + number, FREE) for number in range(20)], holds=lambda: held)

    assert discovery.step() > 0
    assert discovery.tally.sent == 0
    held = False
    discovery.run_alone()
    assert discovery.tally.refused == 20


def test_opt_out_in_the_middle_is_obeyed(make: Make, gate: Any) -> None:
    """What opted out while waiting is not dialled, and counted as such."""
    targets = [(BASE + number, FREE) for number in range(100)]
    discovery = make(targets, rate=50)
    while discovery.tally.sent < 10:
        time.sleep(discovery.step())
    gone = {ip for ip, _ in targets[60:]}
    gate.change(opted_out=gone)

    discovery.run_alone()

    assert discovery.tally.sent == 60
    assert discovery._supply.kept_back.opted_out == 40


def test_thawed_process_asks_anew_before_it_dials_on(
    make: Make, gate: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Gate, lease and clock were asked before it was frozen in the middle of a chunk."""
    targets = [(BASE + number, FREE) for number in range(64)]
    dialled = 0

    def enter(hosts: Hosts, ip: int) -> bool:
        nonlocal dialled
        dialled += 1
        if dialled == 3:
            time.sleep(2 * module.STALL)
            gate.change(opted_out={ip for ip, _ in targets})
        return entered(hosts, ip)

    entered = Hosts.enter
    monkeypatch.setattr(Hosts, "enter", enter)
    discovery = make(targets)
    discovery.run_alone()

    assert discovery.tally.sent == 3
    assert discovery._supply.kept_back.opted_out == 61


def test_source_addresses_are_used_in_turn(make: Make) -> None:
    """Targets see the addresses that the campaign named."""
    with socket.socket() as listener:
        listener.bind(("127.64.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        sources = (0x7F410001, 0x7F410002)
        make([(BASE + 1, port)] * 4, sources=sources).run_alone()
        seen = set()
        for _ in range(4):
            peer, address = listener.accept()
            peer.close()
            seen.add(address[0])

    assert seen == {"127.65.0.1", "127.65.0.2"}


def test_late_answers_after_a_stall_are_still_open(make: Make, doors: Callable[[int], int]) -> None:
    """A stall of ours longer than the timeout makes no open target silent."""
    found: list[tuple[int, int]] = []
    discovery = make([(BASE + 1, doors(BASE + 1))], found=found)
    discovery._launch(time.monotonic() - 5)

    discovery.run_alone()

    assert discovery.tally == Tally(sent=1, open=1)
    assert len(found) == 1


def test_silent_target_gets_one_syn(make: Make, full_door: int) -> None:
    """It is given up before the kernel would repeat the SYN."""
    discovery = make([(BASE + 0xFF01, full_door)])
    discovery._launch(time.monotonic())
    ((sock, _, _),) = discovery._air.values()
    with sock.dup() as same:
        discovery.run_alone()
        retransmits = same.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)[2]

    assert discovery.tally == Tally(sent=1, silent=1)
    assert retransmits == 0


def test_frozen_process_repeats_a_syn_once_at_most(make: Make, full_door: int) -> None:
    """A socket that nobody can close gives up by itself."""
    discovery = make([(BASE + 0xFF01, full_door)])
    discovery._launch(time.monotonic())
    ((sock, _, _),) = discovery._air.values()

    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 900
    discovery.close()
