"""Packets counted outside of the programs that send them, by the kernel that they come to."""

import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field

import pytest
from made_wire import fullest_second

SYN = 0x02

_TIMESTAMP = 35  # SO_TIMESTAMPNS and SCM_TIMESTAMPNS
_BUFFER = 33  # SO_RCVBUFFORCE
_SOL_PACKET, _STATISTICS, _IGNORE_OUTGOING = 263, 6, 23
_IPV4 = 0x0800


@dataclass(frozen=True, slots=True)
class Packet:
    """A TCP packet that came out of a cable.

    Attributes:
        at: Seconds since 1970, on the kernel's clock.
        host: Number of the device that it came from.
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
class Tap:
    """What was counted.

    Attributes:
        packets: In about the order in which they came.
        missed: Packets that the counter itself has lost.
    """

    packets: list[Packet] = field(default_factory=list)
    missed: int = 0

    def to(self, first: int, last: int) -> list[Packet]:
        """Those to a range of addresses."""
        return [packet for packet in self.packets if first <= packet.ip <= last]


@contextmanager
def counting(
    devices: list[str],
    wanted: Callable[[int], bool],
    where: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> Iterator[Tap]:
    """Count the TCP packets that come from these devices to addresses that are wanted."""
    tap, stop = Tap(), threading.Event()
    with ExitStack() as stack:
        threads = []
        for number, device in enumerate(devices, start=1):
            try:
                with where():
                    sock = stack.enter_context(
                        socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
                    )
                    sock.setsockopt(socket.SOL_SOCKET, _BUFFER, 1 << 24)
                    sock.setsockopt(socket.SOL_SOCKET, _TIMESTAMP, 1)
                    sock.setsockopt(_SOL_PACKET, _IGNORE_OUTGOING, 1)
                    sock.bind((device, _IPV4))
            except PermissionError:
                pytest.skip("counting packets needs CAP_NET_RAW")
            sock.settimeout(0.1)
            threads.append(
                threading.Thread(target=_count, args=(tap, sock, number, wanted, stop), daemon=True)
            )
        for thread in threads:
            thread.start()
        try:
            yield tap
        finally:
            stop.set()
            for thread in threads:
                thread.join()


def _count(
    tap: Tap,
    sock: socket.socket,
    host: int,
    wanted: Callable[[int], bool],
    stop: threading.Event,
) -> None:
    while True:
        try:
            data, ancillary, _, _ = sock.recvmsg(64, 64)
        except TimeoutError:
            if stop.is_set():
                break
            continue
        (ip,) = struct.unpack_from(">I", data, 16)
        if data[9] != socket.IPPROTO_TCP or not wanted(ip):
            continue
        head = (data[0] & 15) * 4
        source_port, port = struct.unpack_from(">HH", data, head)
        seconds, nanoseconds = struct.unpack("qq", ancillary[0][2][:16])
        tap.packets.append(
            Packet(seconds + nanoseconds / 1e9, host, ip, port, source_port, data[head + 13])
        )
    _, dropped = struct.unpack("II", sock.getsockopt(_SOL_PACKET, _STATISTICS, 8))
    tap.missed += dropped


@dataclass(frozen=True, slots=True)
class Outside:
    """What the counter at the far end saw.

    Attributes:
        packets: All, to tested addresses.
        fullest_second: Most in any second.
        fullest_24: Most new connections into one /24 in any second.
        fullest_host: Most connections at once to one address.
        repeated: Targets that were dialled by discovery more than once.
        missed: Packets that the counter itself lost.
    """

    packets: int
    fullest_second: int
    fullest_24: int
    fullest_host: int
    repeated: int
    missed: int


def outside(tap: Tap) -> Outside:
    """What was counted until now."""
    packets = sorted(tap.packets, key=lambda packet: packet.at)
    by_24: dict[int, list[float]] = {}
    flows: dict[tuple[int, int, int], list[Packet]] = {}
    dials: Counter[int] = Counter()
    for packet in packets:
        if packet.flags == SYN:
            by_24.setdefault(packet.ip >> 8, []).append(packet.at)
            dials[packet.ip] += 1
        flows.setdefault((packet.ip, packet.host, packet.source_port), []).append(packet)
    return Outside(
        packets=len(packets),
        fullest_second=fullest_second([packet.at for packet in packets]),
        fullest_24=max((fullest_second(times) for times in by_24.values()), default=0),
        fullest_host=_most_at_once(flows),
        repeated=sum(1 for count in dials.values() if count > 1),
        missed=tap.missed,
    )


def crowd(tap: Tap, limit: int) -> list[str]:
    """What came to the first address that had more connections at once than ``limit``."""
    by_ip: dict[int, list[Packet]] = {}
    for packet in sorted(tap.packets, key=lambda packet: packet.at):
        by_ip.setdefault(packet.ip, []).append(packet)
    for ip, packets in by_ip.items():
        flows: dict[tuple[int, int, int], list[Packet]] = {}
        for packet in packets:
            flows.setdefault((ip, packet.host, packet.source_port), []).append(packet)
        if _most_at_once(flows) > limit:
            began = packets[0].at
            return [
                f"{each.at - began:.3f} s: host {each.host} port {each.source_port} to "
                f"{ip:#x} flags {each.flags:#04x}"
                for each in packets
            ]
    return []


def _most_at_once(flows: dict[tuple[int, int, int], list[Packet]]) -> int:
    """Most connections to one address that overlap, from first packet to last."""
    steps: dict[int, list[tuple[float, int]]] = {}
    for (ip, _, _), packets in flows.items():
        # A port may be used again for the same address, so a SYN begins another connection.
        begins = [index for index, packet in enumerate(packets) if packet.flags == SYN]
        for begin, stop in zip(begins, [*begins[1:], len(packets)], strict=True):
            steps.setdefault(ip, []).append((packets[begin].at, 1))
            steps[ip].append((packets[stop - 1].at, -1))
    most = 0
    for each in steps.values():
        open_now = 0
        for _, change in sorted(each, key=lambda step: (step[0], -step[1])):
            open_now += change
            most = max(most, open_now)
    return most
