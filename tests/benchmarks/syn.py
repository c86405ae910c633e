"""SYN discovery through a virtual cable, against Debian's zmap and masscan, by an outside counter.

131,072 hosts (198.18.0.0/15) in a namespace of their own answer every SYN: ``syn_open``, where an
eBPF program accepts (and our kernel resets each, as it does for the peers), and ``syn_refused``,
where a kernel that owns all the addresses refuses.  Ours is the code that a scan runs: shard order,
gate, opt-outs, host and /24 limits, token bucket, cookies, one answer per target; on one core.  The
peers have all cores.  The speed is hosts found per second between the first packet and the last one
that come out at the far end: who sends faster than it can hear gains nothing.
"""

import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from survey.engine.hosts import Hosts
from survey.engine.pacing import Pacer
from survey.engine.syn.discovery import SynDiscovery
from survey.engine.syn.link import open_link
from survey.engine.syn.networks import NetworkColumns
from survey.model.address import Range, parse_ip
from survey.targets.gate import Gate
from survey.targets.places import Places
from tests.benchmarks.plans import loopback_plan
from tests.benchmarks.result import Result, rss_mb
from tests.made.made_wire import (
    FAR,
    GATEWAY,
    NEAR,
    SOURCE,
    SPACE,
    Wire,
    answer_everywhere,
    why_no_wire,
    wire,
)

HOSTS = Range(parse_ip("198.18.0.0"), parse_ip("198.19.255.255"))
PORT = 80
OWN_PORTS = (61000, 65535)
TURNS = 3

Measured = tuple[float, float, int]
"""Hosts found per second, CPU seconds, hosts found."""


def run() -> Iterator[Result]:
    """Thousands of hosts found per second, median of five turns each, taken in turn."""
    if problem := why_no_wire():
        sys.stderr.write(f"syn: skipped: {problem}\n")
        return
    scanners: dict[str, Callable[[Wire], Measured]] = {"ours": _ours}
    for name, scanner in (("zmap", _zmap), ("masscan", _masscan)):
        if shutil.which(name):
            scanners[name] = scanner
        else:
            sys.stderr.write(f"syn: no peer {name}: apt-get install {name}\n")
    for name, answering in (("syn_open", _accepting), ("syn_refused", _refusing)):
        with wire() as made, answering(made) as there:
            if not there:
                continue
            runs: dict[str, list[Measured]] = {scanner: [] for scanner in scanners}
            for _ in range(TURNS):
                for scanner, scan in scanners.items():
                    runs[scanner].append(scan(made))
        yield from _results(name, runs)


def _results(name: str, runs: dict[str, list[Measured]]) -> Iterator[Result]:
    ours, our_cpu, _ = _median(runs.pop("ours"))
    for peer, measured in runs.items():
        rate, cpu, found = _median(measured)
        yield Result(
            f"{name}_{peer}",
            "k hosts/s",
            round(ours / 1000, 1),
            f"{_version(peer)}, found {found:,} of {len(HOSTS):,}",
            round(rate / 1000, 1),
            round(ours / rate, 2),
            round(our_cpu, 2),
            round(cpu, 2),
            rss_mb(),
        )


def _median(runs: list[Measured]) -> Measured:
    return sorted(runs)[len(runs) // 2]


@contextmanager
def _accepting(made: Wire) -> Iterator[bool]:
    command = [sys.executable, "-m", "tests.benchmarks.xdp_hosts", FAR]
    pipe = subprocess.PIPE
    enter = ["nsenter", f"--net={made.far.path}", *command]
    with subprocess.Popen(enter, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdout
        assert process.stderr
        ready = process.stdout.readline() == "ready\n"
        if not ready:
            reason = process.stderr.read().strip().splitlines()[-1:]
            sys.stderr.write(f"syn: no hosts that accept: {' '.join(reason)}\n")
        yield ready


@contextmanager
def _refusing(made: Wire) -> Iterator[bool]:
    answer_everywhere(made.far, SPACE)
    yield True


def _ours(made: Wire) -> Measured:
    cores = os.sched_getaffinity(0)
    with tempfile.TemporaryDirectory() as folder, made.near.inside():
        plan = loopback_plan(Path(folder), (HOSTS,), (PORT,))
        places = Places(plan, 0)
        networks = NetworkColumns(plan.rate.per_24_per_second, 1, 0, places.ips)
        found = array("I")
        discovery = SynDiscovery(
            places,
            Gate.open(plan, lambda: True),
            Pacer(plan.rate.packets_per_second, networks),
            networks,
            Hosts(plan.rate.per_host_connections),
            per_host=plan.rate.per_host_connections,
            link=open_link(NEAR, parse_ip(GATEWAY), (parse_ip(SOURCE),)),
            ports=OWN_PORTS,
            on_open=lambda ip, port: found.append(ip),  # noqa: ARG005 - one port
            holds=lambda: False,
        )
        with _counted(made) as took:  # from here on: ARP is a packet, too
            os.sched_setaffinity(0, {min(cores)})
            cpu = time.process_time()
            discovery.run_alone()
            cpu = time.process_time() - cpu
            os.sched_setaffinity(0, cores)
    tally = discovery.tally
    hosts = tally.open + tally.refused
    # our own address is not at the far end of the cable, unless that answers for everybody
    assert hosts >= len(HOSTS) - 1, (tally, discovery.heard)
    return hosts / took(), cpu, hosts


def _zmap(made: Wire) -> Measured:
    fields = "saddr,sport,classification,repeat,success"
    command = ["zmap", "--bandwidth=10G", f"--target-port={PORT}", f"--interface={NEAR}"]
    command += [f"--gateway-mac={made.ethernet(made.far).hex(':')}", f"--source-ip={SOURCE}"]
    command += [f"--source-port={OWN_PORTS[0]}-{OWN_PORTS[1]}", "--blacklist-file=/dev/null"]
    command += ["--output-module=csv", f"--output-fields={fields}", "--output-filter=sport > 0"]
    command += ["--cooldown-time=1", "--quiet", SPACE]
    return _peer(made, command, r"^(198\.1[89]\.[0-9.]+),")


def _masscan(made: Wire) -> Measured:
    command = ["masscan", SPACE, f"--ports={PORT}", "--rate=10000000", f"--adapter={NEAR}"]
    command += [f"--adapter-ip={SOURCE}", f"--router-mac={made.ethernet(made.far).hex('-')}"]
    command += [f"--adapter-port={OWN_PORTS[0]}-{OWN_PORTS[0] + 1023}", "--wait=1"]
    command += ["--output-format=list", "--output-filename=/dev/stdout", "--show=open,closed"]
    return _peer(made, command, r"^(?:open|closed) tcp \d+ ([0-9.]+)")


def _peer(made: Wire, command: list[str], line: str) -> Measured:
    enter = ["nsenter", f"--net={made.near.path}", *command]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with tempfile.TemporaryFile("w+") as output, _counted(made) as took:
        subprocess.run(enter, stdout=output, stderr=subprocess.DEVNULL, check=True)
        output.seek(0)
        found = {match[1] for text in output if (match := re.match(line, text))}
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return len(found) / took(), cpu, len(found)


@contextmanager
def _counted(made: Wire) -> Iterator[Callable[[], float]]:
    """Ask the far interface every few milliseconds how many packets it got; seconds they took."""
    command = ["nsenter", f"--net={made.far.path}", sys.executable, "-m"]
    command += ["tests.benchmarks.counter", FAR]
    pipe = subprocess.PIPE
    spans: list[float] = []
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout
        assert process.stdin
        process.stdout.readline()
        yield lambda: spans[0]
        process.stdin.close()
        first, last = map(float, process.stdout.read().split())
        spans.append(last - first)


def _version(peer: str) -> str:
    query = ["dpkg-query", "--show", "--showformat=${Package} ${Version}", peer]
    known = subprocess.run(query, capture_output=True, text=True, check=False).stdout
    return known or peer
