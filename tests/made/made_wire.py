"""Two network namespaces with a cable between them, and no way out of either.

``near`` is ours, ``far`` is a whole internet of 198.18.0.0/15.  The near one's next hop is a
neighbour by its Ethernet address, as a router is, so that its kernel asks nobody for hosts.
"""

import ctypes
import os
import shutil
import socket
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import pytest

SOURCE, GATEWAY = "198.18.0.1", "198.19.255.254"
SPACE = "198.18.0.0/15"
NEAR, FAR = "near", "far"

_NEW_NETWORK = 0x40000000
_LIBC = ctypes.CDLL(None, use_errno=True)
_TIMESTAMP = 35  # SO_TIMESTAMPNS and SCM_TIMESTAMPNS
_BUFFER = 33  # SO_RCVBUFFORCE
_IPV4 = 0x0800


@dataclass(frozen=True, slots=True)
class Namespace:
    """A network namespace, alive as long as its first process.

    Attributes:
        pid: That process.
    """

    pid: int

    @property
    def path(self) -> str:
        """What to enter it by."""
        return f"/proc/{self.pid}/ns/net"

    def run(self, *command: str) -> str:
        """Run a command in it."""
        return subprocess.run(
            ["nsenter", f"--net={self.path}", *command], check=True, capture_output=True, text=True
        ).stdout

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Let this thread live in it; sockets made meanwhile stay there."""
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        there = os.open(self.path, os.O_RDONLY)
        try:
            _enter(there)
            try:
                yield
            finally:
                _enter(home)
        finally:
            os.close(home)
            os.close(there)


@dataclass(frozen=True, slots=True)
class Wire:
    """A cable and what it connects."""

    near: Namespace
    far: Namespace

    def ethernet(self, place: Namespace) -> bytes:
        """The Ethernet address of one of its ends."""
        name = NEAR if place is self.near else FAR
        words = place.run("ip", "-o", "link", "show", name).split()
        return bytes.fromhex(words[words.index("link/ether") + 1].replace(":", ""))


def why_no_wire() -> str | None:
    """What this machine lacks for two namespaces and a cable; None if it has everything."""
    if os.geteuid() != 0:
        return "only root may make network namespaces"
    for program in ("ip", "nsenter", "unshare", "sysctl"):
        if not shutil.which(program):
            return f"there is no {program}"
    try:
        with namespace() as place:
            place.run("ip", "link", "add", NEAR, "type", "veth", "peer", "name", FAR)
    except (subprocess.CalledProcessError, OSError) as error:
        return f"can't make a namespace with a virtual cable: {error}"
    return None


@contextmanager
def wire() -> Iterator[Wire]:
    """Make it, with 198.18.0.0/15 routed to the far end and nothing there that answers."""
    if problem := why_no_wire():
        pytest.skip(problem)
    with ExitStack() as stack:
        near, far = (stack.enter_context(namespace()) for _ in range(2))
        near.run("ip", "link", "add", NEAR, "type", "veth", "peer", FAR, "netns", str(far.pid))
        made = Wire(near, far)
        for place, name in ((near, NEAR), (far, FAR)):
            place.run("ip", "link", "set", "lo", "up")
            place.run("ip", "link", "set", name, "up")
        near.run("ip", "addr", "add", f"{SOURCE}/32", "dev", NEAR)
        far.run("ip", "addr", "add", f"{GATEWAY}/32", "dev", FAR)
        for place, name, space in ((near, NEAR, SPACE), (far, FAR, f"{SOURCE}/32")):
            other = made.ethernet(far if place is near else near).hex(":")
            hop = ("-6", "neigh", "add", "fe80::1", "lladdr", other, "dev", name)
            place.run("ip", *hop, "nud", "permanent")
            route = ("route", "add", space, "via", "inet6", "fe80::1", "dev", name, "onlink")
            place.run("ip", *route)
        yield made


def answer_everywhere(place: Namespace, space: str) -> None:
    """Make every address of a range this namespace's own."""
    place.run("ip", "route", "add", "local", space, "dev", "lo")


@dataclass(slots=True)
class Seen:
    """Frames as they came out of the cable: seconds on the kernel's clock, and bytes."""

    frames: list[tuple[float, bytes]] = field(default_factory=list)

    def packets(self, flags: int | None = None, network: int | None = None) -> list[float]:
        """When TCP packets came, with exactly these flags, to a /24; or any."""
        return [
            at
            for at, frame in self.frames
            if frame[23] == socket.IPPROTO_TCP
            and flags in (None, frame[47])
            and network in (None, int.from_bytes(frame[30:33], "big"))
        ]


def fullest_second(times: list[float]) -> int:
    """Most of them in any second."""
    times = sorted(times)
    most = first = 0
    for stop, at in enumerate(times):
        while times[first] <= at - 1:
            first += 1
        most = max(most, stop + 1 - first)
    return most


Answer = Callable[[bytes], list[bytes]]
"""From a frame that came to those that are sent back."""


@contextmanager
def listening(made: Wire, answer: Answer | None = None) -> Iterator[Seen]:
    """Note every IPv4 frame that reaches the far end, and answer as told."""
    seen, stop = Seen(), threading.Event()
    with made.far.inside():
        tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        tap.setsockopt(socket.SOL_SOCKET, _BUFFER, 1 << 25)
        tap.setsockopt(socket.SOL_SOCKET, _TIMESTAMP, 1)
        tap.setsockopt(263, 23, 1)  # PACKET_IGNORE_OUTGOING
        tap.bind((FAR, _IPV4))
    tap.settimeout(0.05)

    def listen() -> None:
        while True:
            try:
                frame, ancillary, _, _ = tap.recvmsg(256, 64)
            except TimeoutError:
                if stop.is_set():
                    return
                continue
            seconds, nanoseconds = struct.unpack("qq", ancillary[0][2][:16])
            seen.frames.append((seconds + nanoseconds / 1e9, frame))
            for back in answer(frame) if answer else []:
                tap.send(back)

    thread = threading.Thread(target=listen)
    thread.start()
    try:
        yield seen
    finally:
        stop.set()
        thread.join()
        tap.close()


@contextmanager
def namespace() -> Iterator[Namespace]:
    """It ends when its first process finds nobody at the other end of its pipe."""
    command = ["unshare", "--net", "sh", "-c", "echo there; exec cat"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout
        if process.stdout.readline():
            yield Namespace(process.pid)
            return
    raise OSError("unshare failed")


def _enter(descriptor: int) -> None:
    if _LIBC.setns(descriptor, _NEW_NETWORK):
        raise OSError(ctypes.get_errno(), "can't enter a network namespace")
