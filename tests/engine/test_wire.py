"""The cap as an outside counter sees it: packets on the loopback device, by the kernel's clock."""

import asyncio
import os
import socket
import struct
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from made_leases import coordinating
from made_scan import FIRST, MadeScan, Serve, closed_socks5, make_scan, open_socks5, silent, world

from survey.engine.shard import run_shard
from survey.model.assignment import Receipt
from survey.model.plan import Rate
from survey.targets.plan import plan_to_json

SOURCE = 0x7F5A0001  # 127.90.0.1
PORT_AND_ETHERTYPE = ("lo", 0)
ETH_P_IP = 0x0800
SO_TIMESTAMPNS = 35
SYN = 0x02


@dataclass(slots=True)
class Wire:
    """What left from our source address: seconds, TCP flags, destination."""

    packets: list[tuple[float, int, int]] = field(default_factory=list)

    def fullest_second(self, network: int | None = None, flags: int | None = None) -> int:
        """Most packets in any second, of a /24 or all, with exactly these flags or any."""
        times = sorted(
            at
            for at, seen, ip in self.packets
            if network in {None, ip >> 8} and flags in {None, seen}
        )
        return max(
            (
                sum(start <= at < start + 1 for at in times[index:])
                for index, start in enumerate(times)
            ),
            default=0,
        )


@contextmanager
def watched() -> Iterator[Wire]:
    """Count what leaves from SOURCE while this lasts."""
    wire, stop = Wire(), threading.Event()
    try:
        tap = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_IP))
    except PermissionError:
        pytest.skip("counting packets needs CAP_NET_RAW")
    with tap:
        tap.bind(PORT_AND_ETHERTYPE)
        tap.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        tap.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        tap.settimeout(0.1)

        def count() -> None:
            while not stop.is_set():
                try:
                    data, ancillary, _, _ = tap.recvmsg(64, 64)
                except TimeoutError:
                    continue
                source, target = struct.unpack_from(">II", data, 12)
                if source == SOURCE and data[9] == socket.IPPROTO_TCP:
                    seconds, nanoseconds = struct.unpack("qq", ancillary[0][2][:16])
                    flags = data[(data[0] & 15) * 4 + 13]
                    wire.packets.append((seconds + nanoseconds / 1e9, flags, target))

        thread = threading.Thread(target=count)
        thread.start()
        try:
            yield wire
        finally:
            stop.set()
            thread.join()


def surveyed(root: Path, doors: dict[int, Serve]) -> tuple[Receipt, MadeScan, Wire]:
    """One shard over two /24s with these doors, its packets counted outside."""
    with world(root, doors) as there, watched() as wire:
        made = make_scan(
            root,
            addresses=512,
            shard_addresses=512,
            canary=there.canary,
            rate=Rate(300, 120.0, 1),
            slots=1,
            lease_seconds=60.0,
        )
        identity = replace(made.plan.identity, source_addresses=(SOURCE,))
        made = MadeScan(made.settings, replace(made.plan, identity=identity))
        made.run.plan.write_bytes(plan_to_json(made.plan))
        with coordinating(made) as chief:
            receipt = run_shard(chief.grant(), lambda _: None)
    assert receipt.sent == 512
    assert receipt.open == len(doors)
    return receipt, made, wire


def test_outside_counter_sees_no_more_than_the_caps(tmp_path: Path) -> None:
    """All packets of discovery and conversations, and new connections into each /24."""
    doors = dict.fromkeys(range(FIRST + 8, FIRST + 500, 16), open_socks5)
    doors |= {FIRST + 5: closed_socks5, FIRST + 300: silent}
    receipt, _, wire = surveyed(tmp_path, doors)

    assert len(wire.packets) <= receipt.packets
    assert wire.fullest_second() <= 300
    for network in (FIRST >> 8, (FIRST >> 8) + 1):
        assert wire.fullest_second(network, SYN) <= 120
    syns: defaultdict[int, int] = defaultdict(int)
    for _, flags, ip in wire.packets:
        syns[ip] += flags == SYN
    assert all(syns[ip] == 1 for ip in range(FIRST, FIRST + 512) if ip not in doors)


async def crumbling_socks5(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """An open proxy whose words come byte by byte, each in a packet of its own."""

    class Crumbs:
        """Writes so."""

        def write(self, data: bytes) -> None:
            """Bytes that are sent before the next word."""
            for byte in data:
                sock.send(bytes([byte]))

        def can_write_eof(self) -> bool:
            """No."""
            return False

        def close(self) -> None:
            """The door does."""

    sock = socket.socket(fileno=os.dup(writer.get_extra_info("socket").fileno()))
    with sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await open_socks5(reader, Crumbs())  # type: ignore[arg-type]  # what a tunnel needs of it


async def hail(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Bytes one by one, each to be acknowledged, without end."""
    await reader.read(1)
    while not writer.is_closing():
        writer.write(b"\x05")
        await asyncio.sleep(0.001)


def test_what_peers_make_us_send_stays_within_the_cap(tmp_path: Path) -> None:
    """Charged at once as a debt; honest ones among them are heard out."""
    crumbling = range(FIRST + 8, FIRST + 500, 32)
    doors: dict[int, Serve] = dict.fromkeys(crumbling, crumbling_socks5)
    doors |= dict.fromkeys(range(FIRST + 24, FIRST + 500, 32), hail)
    receipt, made, wire = surveyed(tmp_path, doors)

    assert len(wire.packets) <= receipt.packets
    assert wire.fullest_second() <= 300
    rows = pq.read_table(made.run.shard(0)).to_pylist()
    proven = {row["ip"] for row in rows if row["variant"] == "echo" and row["step"] == "echoed"}
    assert proven == set(crumbling)
    cut = {row["failure"] for row in rows if row["ip"] not in proven}
    assert cut <= {"too_much", "garbage", "wrong_protocol", "stalled", "deadline"}
