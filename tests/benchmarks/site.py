"""Pages of cases a second from one core, and how long the slowest hundredth takes.

Ours is what an operator is answered by ``survey site serve``: guard, mark, wishes read from the
ledger, the page.  The peer is the same framework and server with one route that gives back as many
bytes: more than that can't be had from them.  Debian's ``wrk`` asks from the other core, over 20
connections, cases and languages in turn.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.result import Result, rss_mb

CORE, CLIENT_CORE = 0, 1
PORT = 19_090
FULL, SMALL = 5, 1
"""Seconds of asking."""
AT_ONCE = 20

SCRIPT = """\
local paths = {}
for line in io.lines("PATHS") do paths[#paths + 1] = line end
local at = 0
request = function() at = at % #paths + 1; return wrk.format("GET", paths[at]) end
"""
UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


@dataclass(frozen=True, slots=True)
class Answered:
    """What one server did.

    Attributes:
        rate: Pages a second.
        slow: Milliseconds of which one page in a hundred takes more.
        per_cpu: Pages a second of the server's own CPU time.
        cpu: CPU seconds that it used.
    """

    rate: float
    slow: float
    per_cpu: float
    cpu: float


def run(*, small: bool = False) -> Iterator[Result]:
    """Pages a second by the clock and by the server's CPU time, and the 99th percentile."""
    if not shutil.which("wrk"):
        sys.stderr.write("site: skipped, there is no wrk: apt-get install wrk\n")
        return
    ours, bare = (_ask(which, SMALL if small else FULL) for which in ("ours", "bare"))
    peer = "Starlette with one bare route"
    for name, unit, mine, its, ratio in (
        ("site", "pages/s", ours.rate, bare.rate, ours.rate / bare.rate),
        ("site: CPU", "pages/CPU s", ours.per_cpu, bare.per_cpu, ours.per_cpu / bare.per_cpu),
        ("site: slowest 1 %", "ms", ours.slow, bare.slow, bare.slow / max(ours.slow, 0.001)),
    ):
        yield Result(
            name=name,
            unit=unit,
            ours=round(mine, 1),
            peer=peer,
            peer_value=round(its, 1),
            ratio=round(ratio, 2),
            ours_cpu_s=round(ours.cpu, 2),
            peer_cpu_s=round(bare.cpu, 2),
            rss_mb=rss_mb(),
        )


def _ask(which: str, seconds: int) -> Answered:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        command = [sys.executable, "-m", "tests.benchmarks.site_server", which, str(PORT), name]
        with subprocess.Popen(["taskset", "-c", str(CORE), *command]) as server:
            try:
                return _measure(server.pid, folder, seconds)
            finally:
                server.terminate()


def _measure(pid: int, folder: Path, seconds: int) -> Answered:
    script = folder / "paths.lua"
    script.write_text(SCRIPT.replace("PATHS", str(folder / "paths")), encoding="ascii")
    wrk = [
        *("wrk", "-t1", f"-c{AT_ONCE}", "--latency", "-s", str(script)),
        f"http://127.0.0.1:{PORT}/",
    ]
    for _ in range(600):  # until it listens
        if (folder / "paths").exists():
            warm = _wrk([*wrk, "-d1s"])
            if "Requests/sec" in warm and "connect 20" not in warm:
                break
        time.sleep(0.1)
    before = _cpu(pid)
    said = _wrk([*wrk, f"-d{seconds}s"])
    cpu = _cpu(pid) - before
    requests = re.search(r"(\d+) requests in", said)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", said)
    slow = re.search(r"99%\s+([\d.]+)(us|ms|s)", said)
    assert requests is not None, said
    assert rate is not None, said
    assert slow is not None, said
    assert "Non-2xx" not in said, said
    return Answered(
        rate=float(rate[1]),
        slow=float(slow[1]) * UNITS[slow[2]],
        per_cpu=int(requests[1]) / max(cpu, 0.01),
        cpu=cpu,
    )


def _wrk(command: list[str]) -> str:
    done = subprocess.run(
        ["taskset", "-c", str(CLIENT_CORE), *command],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


def _cpu(pid: int) -> float:
    """CPU seconds that a process used, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
