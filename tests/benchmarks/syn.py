"""SYN discovery through a virtual cable, against Debian's zmap and masscan, by an outside counter.

131,072 hosts (198.18.0.0/15) in a namespace of their own answer every SYN: ``syn_open``, where an
eBPF program accepts (and our kernel resets each, as it does for the peers), and ``syn_refused``,
where a kernel that owns all the addresses refuses.  Ours is the code that a scan runs: shard order,
gate, opt-outs, host and /24 limits, token bucket, cookies, one answer per target; on one core.  The
peers have all cores.  The speed is hosts found per second between the first packet and the last one
that come out at the far end: who sends faster than it can hear gains nothing.  *The kernel alone*
is our rings with nothing decided, on one core: how much anybody could get there.
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
from functools import partial
from pathlib import Path

import numpy as np

from survey.engine.hosts import Hosts
from survey.engine.pacing import Pacer
from survey.engine.syn.cookie import Cookie
from survey.engine.syn.discovery import CHUNK, SynDiscovery
from survey.engine.syn.link import open_link
from survey.engine.syn.networks import NetworkColumns
from survey.engine.syn.receive_ring import ReceiveRing
from survey.engine.syn.send_ring import FRAMES, SendRing
from survey.engine.syn.siphash import KEY_BYTES
from survey.model.address import parse_ip
from survey.targets.gate import Gate
from survey.targets.places import Places
from survey.targets.ranges import parse_cidr
from tests.benchmarks import counter
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

FULL, SMALL = SPACE, "198.18.4.0/24"
PORT = 80
OWN_PORTS = (61000, 65535)
TURNS = 3

ZMAP_4 = "SURVEY_ZMAP"
"""The environment variable that says where a ZMap of version 4 was built; Debian has none."""

Measured = tuple[float, float, int]
"""Hosts found per second, CPU seconds, hosts found."""

Scanner = Callable[[Wire, str], Measured]
"""Scans a CIDR from the near end of the cable."""


def run(*, small: bool = False) -> Iterator[Result]:
    """Thousands of hosts found per second, median of three turns each, taken in turn."""
    if problem := why_no_wire():
        sys.stderr.write(f"syn: skipped: {problem}\n")
        return
    space = SMALL if small else FULL
    scanners, versions = _scanners()
    for name, answering in (("syn_open", _accepting), ("syn_refused", _refusing)):
        with wire() as made, answering(made) as there:
            if not there:
                continue
            runs: dict[str, list[Measured]] = {scanner: [] for scanner in scanners}
            for _ in range(TURNS):
                for scanner, scan in scanners.items():
                    runs[scanner].append(scan(made, space))
        ours, our_cpu, _ = _median(runs.pop("ours"))
        for peer, measured in runs.items():
            rate, cpu, found = _median(measured)
            yield Result(
                f"{name}_{peer}",
                "k hosts/s",
                round(ours / 1000, 1),
                f"{versions[peer]}, found {found:,} of {len(parse_cidr(space)):,}",
                round(rate / 1000, 1),
                round(ours / max(rate, 1.0), 2),
                round(our_cpu, 2),
                round(cpu, 2),
                rss_mb(),
            )


def _scanners() -> tuple[dict[str, Scanner], dict[str, str]]:
    """Ours and the peers that are here, and what each peer is called."""
    scanners: dict[str, Scanner] = {"ours": _ours, "kernel": _kernel}
    versions = {"kernel": "the kernel alone, one core"}
    for name, scanner in (("zmap", _zmap), ("masscan", _masscan)):
        if shutil.which(name):
            scanners[name], versions[name] = scanner, _version(name)
        else:
            sys.stderr.write(f"syn: no peer {name}: apt-get install {name}\n")
    if program := os.environ.get(ZMAP_4):
        scanners["zmap4"] = partial(_zmap_4, program)
        told = subprocess.run(
            [program, "--config=/dev/null", "--version"], capture_output=True, text=True, check=True
        )
        versions["zmap4"] = f"ZMap 4 ({told.stdout.split(' - ')[0]})"
    else:
        sys.stderr.write(f"syn: no peer ZMap 4: build it, then {ZMAP_4}=.../src/zmap\n")
    return scanners, versions


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


def _ours(made: Wire, space: str) -> Measured:
    hosts = parse_cidr(space)
    with tempfile.TemporaryDirectory() as folder, made.near.inside():
        plan = loopback_plan(Path(folder), (hosts,), (PORT,))
        places = Places(plan, 0)
        networks = NetworkColumns(plan.rate.per_24_per_second, 1, 0, places.ips)
        opened = array("I")
        discovery = SynDiscovery(
            places,
            Gate.open(plan, lambda: True),
            Pacer(plan.rate.packets_per_second, networks),
            networks,
            Hosts(plan.rate.per_host_connections),
            per_host=plan.rate.per_host_connections,
            link=open_link(NEAR, parse_ip(GATEWAY), (parse_ip(SOURCE),)),
            ports=OWN_PORTS,
            on_open=lambda ip, port: opened.append(ip),  # noqa: ARG005 - one port
            holds=lambda: False,
        )
        with _counted(made) as took, _one_core() as cpu:  # from here on: ARP is a packet, too
            discovery.run_alone()
    tally = discovery.tally
    found = tally.open + tally.refused
    # our own address is not at the far end of the cable, unless that answers for everybody
    assert found >= len(hosts) - 1, (tally, discovery.heard)
    return found / took(), cpu(), found


def _kernel(made: Wire, space: str) -> Measured:
    """The same frames through the same rings, again and again; their answers are not looked at."""
    hosts = parse_cidr(space)
    ips = np.arange(hosts.start, hosts.end + 1, dtype=np.uint32)[: FRAMES // CHUNK * CHUNK]
    ports = np.full(len(ips), PORT, dtype=np.uint16)
    cookie = Cookie(bytes(KEY_BYTES), (parse_ip(SOURCE),), OWN_PORTS)
    with made.near.inside():
        link = open_link(NEAR, parse_ip(GATEWAY), (parse_ip(SOURCE),))
        send, receive = SendRing(link), ReceiveRing(NEAR, OWN_PORTS)
        marks = cookie.marks(ips, ports)
        send.write(ips, ports, cookie.sender(marks, np.arange(len(ips))))
        sent = 0
        with _counted(made) as took, _one_core() as cpu:
            while sent < len(hosts):
                left, error = send.send(min(CHUNK, len(ips)))
                assert left, os.strerror(error)
                sent += left
                while count := len(receive.look(CHUNK)[0]):
                    receive.free(count)
        send.close()
        receive.close()
    return sent / took(), cpu(), sent


@contextmanager
def _one_core() -> Iterator[Callable[[], float]]:
    """Stay on one core meanwhile; CPU seconds used."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    used = -time.process_time()
    yield lambda: used
    used += time.process_time()
    os.sched_setaffinity(0, cores)


def _zmap(made: Wire, space: str) -> Measured:
    own = ["zmap", f"--target-port={PORT}", "--blacklist-file=/dev/null"]
    return _any_zmap(made, space, own)


def _zmap_4(program: str, made: Wire, space: str) -> Measured:
    own = [program, f"--target-ports={PORT}", "--blocklist-file=/dev/null"]
    return _any_zmap(made, space, own)


def _any_zmap(made: Wire, space: str, own: list[str]) -> Measured:
    command = [
        *own,
        "--config=/dev/null",
        "--bandwidth=10G",
        f"--interface={NEAR}",
        f"--source-ip={SOURCE}",
    ]
    command += [f"--gateway-mac={made.ethernet(made.far).hex(':')}"]
    command += [f"--source-port={OWN_PORTS[0]}-{OWN_PORTS[1]}", "--output-module=csv"]
    command += ["--output-fields=saddr,sport,classification,repeat,success"]
    command += ["--output-filter=sport > 0", "--cooldown-time=1", "--quiet", space]
    return _peer(made, command, r"^(198\.1[89]\.[0-9.]+),")


def _masscan(made: Wire, space: str) -> Measured:
    command = ["masscan", space, f"--ports={PORT}", "--rate=10000000", f"--adapter={NEAR}"]
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
        spans.append(max(last - first, counter.EVERY))


def _version(peer: str) -> str:
    query = ["dpkg-query", "--show", "--showformat=${Package} ${Version}", peer]
    known = subprocess.run(query, capture_output=True, text=True, check=False).stdout
    return known or peer
