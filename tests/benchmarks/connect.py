"""Connect discovery on refused loopback ports, one core, against a bare epoll loop and asyncio.

Ours is the code that a scan runs: shard order, gate, opt-outs, per-host and per-/24 limits and the
token bucket on, with a cap too high to be felt.
"""

import asyncio
import os
import select
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from survey.engine.discovery import Discovery
from survey.engine.hosts import Hosts
from survey.engine.neighbourhoods import Neighbourhoods
from survey.engine.pacing import Pacer
from survey.engine.supply import Supply
from survey.model.address import Range, parse_ip
from survey.targets.gate import Gate
from survey.targets.shards import shard_targets
from tests.benchmarks.plans import loopback_plan
from tests.benchmarks.result import Result, rss_mb

FIRST = parse_ip("127.64.0.0")
FULL, SMALL = 1 << 17, 1 << 9
TURNS = 5
PORT = 1
IN_FLIGHT = 512


def run(*, small: bool = False) -> Iterator[Result]:
    """Thousands of refused targets per second, median of five turns each, taken in turn."""
    space = Range(FIRST, FIRST + (SMALL if small else FULL) - 1)
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    runs: dict[str, list[tuple[float, float]]] = {"ours": [], "epoll": [], "asyncio": []}
    addresses = [f"127.64.{n >> 8 & 255}.{n & 255}" for n in range(len(space) // 2)]
    for _ in range(TURNS):
        runs["ours"].append(_timed(lambda: _ours(space), len(space)))
        runs["epoll"].append(_timed(lambda: _bare_epoll(addresses), len(addresses)))
        runs["asyncio"].append(_timed(lambda: asyncio.run(_asyncio(addresses)), len(addresses)))
    ours_rate, ours_cpu = _median(runs["ours"])
    for name, peer in (("epoll", "bare epoll loop"), ("asyncio", "asyncio sock_connect")):
        rate, cpu = _median(runs[name])
        yield Result(
            f"connect_{name}",
            "k targets/s",
            round(ours_rate / 1000, 1),
            peer,
            round(rate / 1000, 1),
            round(ours_rate / rate, 2),
            round(ours_cpu, 2),
            round(cpu, 2),
            rss_mb(),
        )


def _timed(work: Callable[[], None], count: int) -> tuple[float, float]:
    began, cpu = time.perf_counter(), time.process_time()
    work()
    return count / (time.perf_counter() - began), time.process_time() - cpu


def _median(runs: list[tuple[float, float]]) -> tuple[float, float]:
    return sorted(runs)[len(runs) // 2]


def _ours(space: Range) -> None:
    with tempfile.TemporaryDirectory() as folder:
        plan = loopback_plan(Path(folder), (space,), (PORT,))
        gate = Gate.open(plan, lambda: True)
        pacer = Pacer(
            plan.rate.packets_per_second, Neighbourhoods(plan.rate.per_24_per_second, 1, 0)
        )
        discovery = Discovery(
            Supply(shard_targets(plan, 0, 4096), gate),
            pacer,
            Hosts(plan.rate.per_host_connections),
            room=IN_FLIGHT,
            on_open=lambda ip, port: None,  # noqa: ARG005 - nothing is open here
            holds=lambda: False,
        )
        discovery.run_alone()
        assert discovery.tally.refused == len(space), discovery.tally


def _bare_epoll(addresses: list[str]) -> None:
    """The least that a connect scanner in Python must do."""
    poller, waiting, refused = select.epoll(), {}, 0
    rest = iter(addresses)
    more = True
    while more or waiting:
        while more and len(waiting) < IN_FLIGHT:
            address = next(rest, None)
            if address is None:
                more = False
                break
            sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
            sock.connect_ex((address, PORT))
            poller.register(sock, select.EPOLLOUT)
            waiting[sock.fileno()] = sock
        for descriptor, _ in poller.poll(0.1, 512):
            sock = waiting.pop(descriptor)
            refused += sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) != 0
            sock.close()
    poller.close()
    assert refused == len(addresses)


async def _asyncio(addresses: list[str]) -> None:
    loop = asyncio.get_running_loop()
    limit = asyncio.Semaphore(IN_FLIGHT)
    refused = 0

    async def one(address: str) -> None:
        nonlocal refused
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        try:
            await loop.sock_connect(sock, (address, PORT))
        except OSError:
            refused += 1
        finally:
            sock.close()
            limit.release()

    async with asyncio.TaskGroup() as tasks:
        for address in addresses:
            await limit.acquire()
            tasks.create_task(one(address))
    assert refused == len(addresses)
