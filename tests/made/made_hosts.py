"""Scanning hosts in network namespaces of their own, on two networks, with an internet beyond.

``far`` is the internet, 198.18.0.0/16: it holds every address, and a host's own kernel refuses what
no server of a test listens on.  Each host reaches it over a cable of its own (device ``scan``), on
which packets are counted at the far end, outside every program.  On another network (device
``control``, 198.19.0.0/24) the hosts reach one another, as a scan's control network.
"""

import os
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest
from made_wire import Namespace, namespace, why_no_wire

SPACE = "198.18.0.0/16"
FIRST = 0xC6120000
"""198.18.0.0."""

CANARY_HOME = 0xC612FE01
"""198.18.254.1: the canary's address; never in a plan."""

_LINK_LOCAL = "fe80::1"
_TIMESTAMP = 35  # SO_TIMESTAMPNS and SCM_TIMESTAMPNS
_BUFFER = 33  # SO_RCVBUFFORCE
_IGNORE_OUTGOING = (263, 23, 1)  # SOL_PACKET, PACKET_IGNORE_OUTGOING
_IPV4 = 0x0800
SYN = 0x02


@dataclass(frozen=True, slots=True)
class Host:
    """A machine for coordinator, scheduler or workers.

    Attributes:
        name: Short, as it is in device names.
        place: Its namespace.
        control: Its address on the control network.
        source: The address that its probes come from.
    """

    name: str
    place: Namespace
    control: str
    source: str

    def start(self, *command: str, **environment: str) -> subprocess.Popen[bytes]:
        """Start a program here, in a process group of its own."""
        return subprocess.Popen(
            ["nsenter", f"--net={self.place.path}", *command],
            env=os.environ | environment,
            start_new_session=True,
        )


@dataclass(frozen=True, slots=True)
class Packet:
    """A TCP packet that came out of a host's cable.

    Attributes:
        at: Seconds on the kernel's clock.
        host: Number of the host that sent it.
        ip: Destination.
        port: Destination port.
        source_port: Source port.
        flags: TCP flags.
    """

    at: float
    host: int
    ip: int
    port: int
    source_port: int
    flags: int


@dataclass(slots=True)
class Internet:
    """The far end of all cables.

    Attributes:
        place: Its namespace.
        packets: To tested addresses, in the order in which they came.
        dropped: Packets that the counter itself has missed.
    """

    place: Namespace
    packets: list[Packet] = field(default_factory=list)
    dropped: int = 0

    def silence(self, space: str) -> None:
        """Let nothing in a range answer."""
        self._nft("add table inet quiet")
        self._nft("add chain inet quiet in { type filter hook prerouting priority 0; }")
        self._nft(f"add rule inet quiet in ip daddr {space} drop")

    def _nft(self, rule: str) -> None:
        self.place.run("nft", rule)


@dataclass(slots=True)
class Network:
    """Hosts, what is between them, and what they can scan."""

    hosts: list[Host]
    hub: Namespace
    internet: Internet

    def cut_off(self, host: Host) -> None:
        """Let nobody on the control network reach a host, and it nobody."""
        self.hub.run("ip", "link", "set", f"c-{host.name}", "down")

    def reconnect(self, host: Host) -> None:
        """Let them reach one another again."""
        self.hub.run("ip", "link", "set", f"c-{host.name}", "up")


@contextmanager
def network(names: tuple[str, ...]) -> Iterator[Network]:
    """Make hosts of these names; packets are counted until the end of the block."""
    if problem := why_no_wire():
        pytest.skip(problem)
    with ExitStack() as stack:
        hub, far = (stack.enter_context(namespace()) for _ in range(2))
        hub.run("ip", "link", "add", "control", "type", "bridge")
        for device in ("lo", "control"):
            hub.run("ip", "link", "set", device, "up")
        far.run("ip", "link", "set", "lo", "up")
        far.run("ip", "route", "add", "local", SPACE, "dev", "lo")
        hosts = [
            _host(stack.enter_context(namespace()), name, number, hub, far)
            for number, name in enumerate(names, start=1)
        ]
        internet = Internet(far)
        stack.enter_context(_counted(internet, [f"s-{name}" for name in names]))
        yield Network(hosts, hub, internet)


def _host(place: Namespace, name: str, number: int, hub: Namespace, far: Namespace) -> Host:
    control, source = f"198.19.0.{number}", f"198.19.1.{number}"
    place.run("ip", "link", "set", "lo", "up")
    for device, peer, there in (("control", f"c-{name}", hub), ("scan", f"s-{name}", far)):
        place.run(
            *("ip", "link", "add", device, "type", "veth"),
            *("peer", peer, "netns", str(there.pid)),
        )
    hub.run("ip", "link", "set", f"c-{name}", "master", "control")
    for each, device in ((place, "control"), (place, "scan"), (hub, f"c-{name}")):
        each.run("ip", "link", "set", device, "up")
    far.run("ip", "link", "set", f"s-{name}", "up")
    place.run("ip", "addr", "add", f"{control}/24", "dev", "control")
    place.run("ip", "addr", "add", f"{source}/32", "dev", "scan")
    # The next hop is a neighbour by its Ethernet address: nobody asks for single targets.
    for here, device, other, peer, space in (
        (place, "scan", far, f"s-{name}", SPACE),
        (far, f"s-{name}", place, "scan", f"{source}/32"),
    ):
        words = other.run("ip", "-o", "link", "show", peer).split()
        ethernet = words[words.index("link/ether") + 1]
        here.run(
            *("ip", "-6", "neigh", "add", _LINK_LOCAL, "lladdr", ethernet),
            *("dev", device, "nud", "permanent"),
        )
        own = ("src", source) if here is place else ()
        here.run(
            *("ip", "route", "add", space, "via", "inet6", _LINK_LOCAL),
            *("dev", device, "onlink", *own),
        )
    return Host(name, place, control, source)


@contextmanager
def _counted(internet: Internet, devices: list[str]) -> Iterator[None]:
    """Note every TCP packet that comes out of these devices, but not what goes to the canary."""
    stop = threading.Event()
    with ExitStack() as stack:
        threads = []
        for number, device in enumerate(devices, start=1):
            with internet.place.inside():
                tap = stack.enter_context(socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0))
                tap.setsockopt(socket.SOL_SOCKET, _BUFFER, 1 << 24)
                tap.setsockopt(socket.SOL_SOCKET, _TIMESTAMP, 1)
                tap.setsockopt(*_IGNORE_OUTGOING)
                tap.bind((device, _IPV4))
            tap.settimeout(0.1)
            threads.append(
                threading.Thread(target=_count, args=(internet, tap, number, stop), daemon=True)
            )
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            stop.set()
            for thread in threads:
                thread.join()


def _count(internet: Internet, tap: socket.socket, host: int, stop: threading.Event) -> None:
    while not stop.is_set():
        try:
            data, ancillary, _, _ = tap.recvmsg(64, 64)
        except TimeoutError:
            continue
        if data[9] != socket.IPPROTO_TCP:
            continue
        head = (data[0] & 15) * 4
        (ip,) = struct.unpack_from(">I", data, 16)
        if ip == CANARY_HOME:
            continue
        source_port, port = struct.unpack_from(">HH", data, head)
        seconds, nanoseconds = struct.unpack("qq", ancillary[0][2][:16])
        internet.packets.append(
            Packet(seconds + nanoseconds / 1e9, host, ip, port, source_port, data[head + 13])
        )
    _, dropped = struct.unpack("II", tap.getsockopt(263, 6, 8))  # PACKET_STATISTICS
    internet.dropped += dropped


SETTINGS = Path(__file__).parents[2] / "infra" / "cluster" / "dask.yaml"
PORT = 8786
NO_DASHBOARD = ("--no-dashboard", "--dashboard-address", "127.0.0.1:0")
"""Dask listens for HTTP all the same, and on every address if it is not told otherwise."""


def dask_environment(keys: Path) -> dict[str, str]:
    """What a scheduler and workers are told, as the runbook says."""
    tls = "DASK_DISTRIBUTED__COMM__TLS__"
    own = str(keys / "worker.pem")
    roles = [f"{tls}{role}__{part}" for role in ("SCHEDULER", "WORKER") for part in ("KEY", "CERT")]
    return {"DASK_CONFIG": str(SETTINGS), f"{tls}CA_FILE": str(keys / "authority.pem")} | (
        dict.fromkeys(roles, own)
    )


def start_scheduler(host: Host, keys: Path) -> subprocess.Popen[bytes]:
    """A Dask scheduler there."""
    return host.start(
        *(sys.executable, "-m", "distributed.cli.dask_scheduler"),
        *("--host", host.control, "--port", str(PORT), "--no-show"),
        *NO_DASHBOARD,
        **dask_environment(keys),
    )


def start_worker(
    host: Host, scheduler: Host, keys: Path, scratch: Path, name: str = ""
) -> subprocess.Popen[bytes]:
    """A Dask worker there, under a nanny."""
    return host.start(
        *(sys.executable, "-m", "distributed.cli.dask_worker"),
        f"tls://{scheduler.control}:{PORT}",
        *("--host", host.control, "--nthreads", "1"),
        *NO_DASHBOARD,
        *("--local-directory", str(scratch / host.name), "--name", name or host.name),
        **dask_environment(keys),
    )


def worker_processes(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """The processes under a nanny that run our shards."""
    try:
        children = psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []
    return [child for child in children if "spawn_main" in " ".join(child.cmdline())]


def end(process: subprocess.Popen[bytes], number: int = signal.SIGKILL) -> None:
    """End a program and everything that it started."""
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return
    process.wait(20)
