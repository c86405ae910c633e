"""A relay check of closed and of open relays, one core, 500 at once, beside nmap's script.

Ours is the probe that a scan runs: its standard envelopes in up to two connections, a whole message
to whoever takes one, written down on the disk before it leaves, its observations as Parquet at the
end.  The peer is nmap's ``smtp-open-relay`` on the same server with our canary's domain, in one
group as parallel as can be; it tries up to 16 envelopes in one connection, sends no message, and
takes a word for a proof.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from survey.model.address import Range, format_ip, parse_ip
from survey.model.observation import Step
from survey.model.plan import Plan
from survey.model.probe import Probe
from survey.storage.messages import note_message
from tests.benchmarks.answering import answering
from tests.benchmarks.checking import compare
from tests.benchmarks.plans import LOOPBACK_CANARY, loopback_plan
from tests.benchmarks.probing import AT_ONCE, probe_all
from tests.benchmarks.result import Result

PORT = 19_025
FULL, SMALL = 2048, 16
FIRST = {"closed": parse_ip("127.72.0.0"), "open": parse_ip("127.73.0.0")}
CORE, SERVER_CORE = 0, 1


def run(*, small: bool = False) -> Iterator[Result]:
    """Hosts per second, by the clock and by the checker's CPU time; median of three turns."""
    os.sched_setaffinity(0, {CORE})
    count = SMALL if small else FULL
    for kind, first in FIRST.items():
        with (
            answering("tests.benchmarks.smtp_server", PORT, SERVER_CORE),
            tempfile.TemporaryDirectory() as folder,
        ):
            space = Range(first, first + count - 1)
            plan = loopback_plan(Path(folder), (space,), (PORT,), Probe.SMTP_RELAY)
            checkers: dict[str, Callable[[], int]] = {
                "ours": partial(_ours, plan, Path(folder), kind)
            }
            if shutil.which("nmap"):
                checkers[f"nmap: {_nmap_version()}, smtp-open-relay"] = partial(_nmap, space, kind)
            else:
                sys.stderr.write("relay: no peer nmap: apt-get install nmap\n")
            yield from compare(f"relay_{kind}", "hosts", checkers)


def _ours(plan: Plan, folder: Path, kind: str) -> int:
    messages = folder / "messages" / "shard-000000.log"
    observations = probe_all(plan, Probe.SMTP_RELAY, folder, partial(note_message, messages))
    taken = {one.ip for one in observations if one.step is Step.SENT}
    assert len(taken) == (plan.addresses if kind == "open" else 0), len(taken)
    assert len({one.ip for one in observations}) == plan.addresses
    return plan.addresses


def _nmap(space: Range, kind: str) -> int:
    domain = LOOPBACK_CANARY.domains[0]
    command = ["nmap", "-n", "-Pn", "-sT", "-T5", f"-p{PORT}", "--script=+smtp-open-relay"]
    command += [f"--script-args=smtp-open-relay.domain={domain}", f"--min-hostgroup={len(space)}"]
    command += [f"--max-parallelism={AT_ONCE}", f"--min-parallelism={AT_ONCE}", "-iL", "-"]
    hosts = "".join(f"{format_ip(ip)}\n" for ip in range(space.start, space.end + 1))
    done = subprocess.run(command, input=hosts, capture_output=True, text=True, check=True)
    said = "Server is an open relay" if kind == "open" else "Server doesn't seem to be"
    found = len(re.findall(f"smtp-open-relay: {said}", done.stdout))
    assert found == len(space), (found, done.stdout[:500])
    return len(space)


def _nmap_version() -> str:
    told = subprocess.run(["nmap", "--version"], capture_output=True, text=True, check=True)
    return " ".join(told.stdout.split()[:3:2]).lower()
