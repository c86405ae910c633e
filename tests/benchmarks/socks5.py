"""A full SOCKS5 check including the far end's answer, one core, 500 at once.

Ours is the probe that a scan runs, through gate and pacer, its observations written as Parquet at
the end.  An open target costs it two checks (to the echo host and to the MX); each counts as one.
Peers, against the same server in the same run: Debian's ``proxycheck`` (C), and python-socks on
uvloop.  The server runs on the other core and is itself Python, so beside the rate by the clock
stands the rate per second of the checker's own CPU time, where the server's speed does not count.
"""

import asyncio
import contextlib
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow.parquet as pq
import uvloop
from python_socks.async_.asyncio import Proxy

from survey.engine.pacing import Neighbourhoods, Pacer
from survey.model.address import Range, format_ip, parse_ip
from survey.model.observation import Observation, Step
from survey.model.plan import Plan
from survey.model.probe import Probe
from survey.probes.context import Context
from survey.probes.dialer import Dialer
from survey.probes.names import NoNames
from survey.probes.registry import PROBES
from survey.storage.shard_file import rows
from survey.targets.gate import Gate
from tests.benchmarks.plans import LOOPBACK_CANARY, loopback_plan
from tests.benchmarks.result import Result, rss_mb
from tests.benchmarks.socks_server import KEY

PORT = 19_080
TARGETS = 10_000
FIRST = parse_ip("127.70.0.1")
AT_ONCE = 500
CPU, SERVER_CPU = 0, 1


def run() -> Iterator[Result]:
    """Checks per second, by the clock and by the checker's CPU time; median of three turns."""
    os.sched_setaffinity(0, {CPU})
    turns: dict[str, list[tuple[float, float, float]]] = {}
    with _server(), tempfile.TemporaryDirectory() as folder:
        space = Range(FIRST, FIRST + TARGETS - 1)
        plan = loopback_plan(Path(folder), (space,), (PORT,))
        for _ in range(3):
            turns.setdefault("ours", []).append(_timed(lambda: _ours(plan, Path(folder))))
            turns.setdefault("python-socks on uvloop", []).append(_timed(_python_socks))
            if shutil.which("proxycheck"):
                turns.setdefault("proxycheck", []).append(_timed(lambda: _proxycheck(folder)))
    medians = {name: sorted(each)[len(each) // 2] for name, each in turns.items()}
    rate, per_cpu, cpu = medians.pop("ours")
    for peer, (peer_rate, peer_per_cpu, peer_cpu) in medians.items():
        for unit, ours, theirs in (
            ("checks/s", rate, peer_rate),
            ("checks per CPU second", per_cpu, peer_per_cpu),
        ):
            yield Result(
                "socks5",
                unit,
                round(ours),
                peer,
                round(theirs),
                round(ours / theirs, 2),
                round(cpu, 2),
                round(peer_cpu, 2),
                rss_mb(),
            )


@contextlib.contextmanager
def _server() -> Iterator[None]:
    command = [sys.executable, "-m", "tests.benchmarks.socks_server", str(PORT), str(SERVER_CPU)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        assert server.stdout.readline() == b"ready\n"
        yield
        server.communicate()


def _timed(work: Callable[[], int]) -> tuple[float, float, float]:
    """Checks per second, checks per CPU second, CPU seconds (children's included)."""
    began, cpu = time.perf_counter(), _cpu_seconds()
    checks = work()
    used = _cpu_seconds() - cpu
    return checks / (time.perf_counter() - began), checks / used, used


def _cpu_seconds() -> float:
    both = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(sum(resource.getrusage(who)[:2]) for who in both)


def _ours(plan: Plan, folder: Path) -> int:
    observations: list[Observation] = []

    async def scan() -> None:
        gate = Gate.open(plan, lambda: True)
        pacer = Pacer(plan.rate.packets_per_second, Neighbourhoods(1_000_000.0, 1, 0))
        dialer = Dialer(gate, pacer)
        context = Context(
            plan.campaign,
            plan.run,
            KEY,
            plan.identity,
            LOOPBACK_CANARY,
            dialer,
            NoNames(),
            0,
            lambda: True,
        )
        targets = iter(range(FIRST, FIRST + TARGETS))

        async def one_after_another() -> None:
            for ip in targets:
                observations.extend(await PROBES[Probe.SOCKS5].run(ip, PORT, context))

        async with asyncio.TaskGroup() as tasks:
            for _ in range(AT_ONCE):
                tasks.create_task(one_after_another())
        dialer.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(scan())
    pq.write_table(rows("benchmark", 0, observations), folder / "observations.parquet")
    proven = sum(one.step is Step.ECHOED for one in observations)
    assert proven == 2 * TARGETS, proven
    return proven


def _python_socks() -> int:
    proven = 0

    async def scan() -> None:
        loop = asyncio.get_running_loop()
        targets = iter(range(FIRST, FIRST + TARGETS))

        async def one_after_another() -> None:
            nonlocal proven
            for ip in targets:
                proxy = Proxy.from_url(f"socks5://{format_ip(ip)}:{PORT}")
                sock = await proxy.connect("127.0.0.2", 2527)
                with sock:
                    await loop.sock_recv(sock, 512)
                    await loop.sock_sendall(sock, b"NOOP benchmark\r\n")
                    reply = await loop.sock_recv(sock, 512)
                    proven += reply.startswith(b"250")

        async with asyncio.TaskGroup() as tasks:
            for _ in range(AT_ONCE):
                tasks.create_task(one_after_another())

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(scan())
    assert proven == TARGETS, proven
    return proven


def _proxycheck(folder: str) -> int:
    hosts = Path(folder) / "hosts"
    hosts.write_text("".join(f"{format_ip(FIRST + n)}\n" for n in range(TARGETS)))
    command = ["proxycheck", "-d", "127.0.0.2:2527", "-c", "chat::250", "-p", f"s5:{PORT}"]
    done = subprocess.run(
        [*command, "-m", str(AT_ONCE), "-i", str(hosts)], capture_output=True, check=False
    )
    proven = done.stdout.count(b" open")
    assert proven == TARGETS, (proven, done.stdout[:200], done.stderr[:200])
    return proven
