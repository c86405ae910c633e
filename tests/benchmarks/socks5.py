"""A full SOCKS5 check including the far end's answer, one core, 500 at once.

Ours is the probe that a scan runs, through gate and pacer, its observations written as Parquet at
the end.  An open target costs it two checks (to the echo host and to the MX); each counts as one.
Peers, against the same server in the same run: Debian's ``proxycheck`` (C), and python-socks on
uvloop.  The server runs on the other core and is itself Python, so beside the rate by the clock
stands the rate per second of the checker's own CPU time, where the server's speed does not count.
"""

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import uvloop
from python_socks.async_.asyncio import Proxy

from survey.model.address import Range, format_ip, parse_ip
from survey.model.observation import Step
from survey.model.plan import Plan
from survey.model.probe import Probe
from tests.benchmarks.answering import answering
from tests.benchmarks.checking import compare
from tests.benchmarks.plans import loopback_plan
from tests.benchmarks.probing import AT_ONCE, probe_all
from tests.benchmarks.result import Result

PORT = 19_080
FULL, SMALL = 10_000, 50
FIRST = parse_ip("127.70.0.1")
CORE, SERVER_CORE = 0, 1


def run(*, small: bool = False) -> Iterator[Result]:
    """Checks per second, by the clock and by the checker's CPU time; median of three turns."""
    os.sched_setaffinity(0, {CORE})
    count = SMALL if small else FULL
    with (
        answering("tests.benchmarks.socks_server", PORT, SERVER_CORE),
        tempfile.TemporaryDirectory() as folder,
    ):
        plan = loopback_plan(Path(folder), (Range(FIRST, FIRST + count - 1),), (PORT,))
        checkers: dict[str, Callable[[], int]] = {
            "ours": partial(_ours, plan, Path(folder)),
            "python-socks: python-socks on uvloop": partial(_python_socks, count),
        }
        if shutil.which("proxycheck"):
            checkers["proxycheck: proxycheck (C)"] = partial(_proxycheck, Path(folder), count)
        else:
            sys.stderr.write("socks5: no peer proxycheck: apt-get install proxycheck\n")
        yield from compare("socks5", "checks", checkers)


def _ours(plan: Plan, folder: Path) -> int:
    observations = probe_all(plan, Probe.SOCKS5, folder)
    proven = sum(one.step is Step.ECHOED for one in observations)
    assert proven == 2 * plan.addresses, proven
    return proven


def _python_socks(count: int) -> int:
    proven = 0

    async def scan() -> None:
        loop = asyncio.get_running_loop()
        targets = iter(range(FIRST, FIRST + count))

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
    assert proven == count, proven
    return proven


def _proxycheck(folder: Path, count: int) -> int:
    hosts = folder / "hosts"
    hosts.write_text("".join(f"{format_ip(FIRST + n)}\n" for n in range(count)))
    command = ["proxycheck", "-d", "127.0.0.2:2527", "-c", "chat::250", "-p", f"s5:{PORT}"]
    done = subprocess.run(
        [*command, "-m", str(AT_ONCE), "-i", str(hosts)], capture_output=True, check=False
    )
    proven = done.stdout.count(b" open")
    assert proven == count, (proven, done.stdout[:200], done.stderr[:200])
    return proven
