"""A plan for the whole internet and eight ports, made as a user makes it: ``survey plan``.

Python's start, the campaign file, the special-purpose registry, an opt-out log of 10,000 networks,
the summary and the frozen file are in it.  The peer is Debian's zmap up to its first packet
(``--dryrun --max-targets=1``), with the same networks in its blacklist: it reads them into its tree
and begins its order.  It knows one port, no authority, and freezes nothing.
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
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

from survey.model.address import MAX_IP, Range, format_ip
from survey.targets.optouts import add, init_log
from tests.benchmarks.result import Result

FULL, SMALL = 10_000, 10
TURNS = 5
LOOK = 0.002
"""Seconds between two looks at a program's memory."""

_CAMPAIGN = """
[campaign]
id = "internet"
purpose = "Benchmark of planning"
kind = "survey"

[authority]
agency = "agency"
reference = "2026/17"
approved_by = "A. Person"
valid_until = 2099-01-01T00:00:00Z
covers = { ranges = ["0.0.0.0/0"] }

[identity]
operator = "Benchmark"
contact = "survey@example.org"
page = "https://survey.example.org/"
helo = "probe.example.org"
source_addresses = ["198.51.100.7"]

[targets]
ranges = ["0.0.0.0/0"]
exclude = ["203.0.113.25", "198.51.100.7"]

[probes.http_connect]
ports = [80, 3128, 8000, 8080, 8081, 8118, 8888, 9999]

[rate]
packets_per_second = 50000

[canary]
domains = ["canary.example.org", "canary.example.net"]
smtp = "203.0.113.25:25"
echo = "203.0.113.25:2525"

[optouts]
path = "optouts.jsonl"
"""


@dataclass(frozen=True, slots=True)
class Ran:
    """One run of a program.

    Attributes:
        seconds: From start to end.
        cpu: CPU seconds.
        rss: Largest resident memory, MB.
    """

    seconds: float
    cpu: float
    rss: float


def run(*, small: bool = False) -> Iterator[Result]:
    """Seconds and megabytes, median of five turns each, taken in turn."""
    with tempfile.TemporaryDirectory(prefix="survey-benchmark-") as name:
        folder = Path(name)
        _make(folder, SMALL if small else FULL)
        ours, theirs = [], []
        for turn in range(TURNS):
            ours.append(_ours(folder, turn))
            if shutil.which("zmap"):
                theirs.append(_zmap(folder))
    mine = _median(ours)
    if not theirs:
        sys.stderr.write("plan: no peer zmap: apt-get install zmap\n")
        return
    peer = _median(theirs)
    for name, unit, own, other in (
        ("plan_seconds", "s", mine.seconds, peer.seconds),
        ("plan_memory", "MB", mine.rss, peer.rss),
    ):
        yield Result(
            name,
            unit,
            round(own, 3),
            "zmap 2 --dryrun, one port, one target",
            round(other, 3),
            round(other / own, 2),
            round(mine.cpu, 2),
            round(peer.cpu, 2),
            round(mine.rss, 1),
        )


def _make(folder: Path, optouts: int) -> None:
    (folder / "campaign.toml").write_text(_CAMPAIGN, encoding="utf-8")
    now, log = datetime.now(UTC), folder / "optouts.jsonl"
    init_log(log)
    step = (MAX_IP // optouts) & ~255
    ranges = tuple(Range(at * step, at * step + 255) for at in range(optouts))
    add(log, ranges, "somebody", "", now, now)
    networks = [f"{format_ip(each.start)}/24\n" for each in ranges]
    blocks = files("survey.targets").joinpath("special.csv").read_text(encoding="utf-8")
    networks += [f"{block}\n" for block in re.findall(r"^[0-9./]+(?=,)", blocks, re.MULTILINE)]
    (folder / "blacklist").write_text("".join(networks), encoding="ascii")


def _ours(folder: Path, turn: int) -> Ran:
    command = [str(Path(sys.executable).with_name("survey"))]
    command += ["--data", str(folder / "data"), "plan", "--offline", "--run"]
    return _run([*command, f"r{turn}", str(folder / "campaign.toml")])


def _zmap(folder: Path) -> Ran:
    command = ["zmap", "--config=/dev/null", "--dryrun", "--max-targets=1", "--target-port=80"]
    command += [f"--blacklist-file={folder / 'blacklist'}", "--interface=lo", "--cooldown-time=0"]
    command += ["--source-ip=127.0.0.1", "--gateway-mac=00:00:00:00:00:00"]
    return _run(command)


def _run(command: list[str]) -> Ran:
    """Run a program and look at its memory all the while.

    What ``wait4`` says of memory would do, if it did not begin with that of whoever called.
    """
    began, rss = time.perf_counter(), 0
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=said)
        while True:
            rss = max(rss, _peak(process.pid))
            ended, status, used = os.wait4(process.pid, os.WNOHANG)
            if ended:
                break
            time.sleep(LOOK)
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        assert process.returncode == 0, said.read().decode()
    return Ran(seconds, used.ru_utime + used.ru_stime, rss / 1024)


def _peak(pid: int) -> int:
    """Largest resident memory of a process so far, kB; 0 of one that has ended."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    found = re.search(r"^VmHWM:\s*(\d+) kB$", status, re.MULTILINE)
    return int(found[1]) if found else 0


def _median(runs: list[Ran]) -> Ran:
    return sorted(runs, key=lambda ran: ran.seconds)[len(runs) // 2]
