"""Counts packets on the loopback device from outside, as a neighbour's meter would."""

import contextlib
import socket
import struct
from collections.abc import Iterator

import pytest

IP, TCP = 0x0800, 6
SYN = 0x02


class Counter:
    """Counts the packets on the loopback device."""

    def __init__(self, tap: socket.socket) -> None:
        self._tap = tap

    def sent_to(self, port: int) -> int:
        """How many went to one port since the last time."""
        return len(list(self._seen(port)))

    def connections_and_packets(self, port: int) -> tuple[int, int]:
        """How many connections were begun to one port since the last time, and all packets."""
        flags = list(self._seen(port))
        return flags.count(SYN), len(flags)

    def _seen(self, port: int) -> Iterator[int]:
        """TCP flags of each packet to one port."""
        with contextlib.suppress(BlockingIOError):
            while True:
                data = self._tap.recv(100)
                size = (data[0] & 15) * 4
                if data[9] == TCP and struct.unpack_from(">H", data, size + 2)[0] == port:
                    yield data[size + 13]


@contextlib.contextmanager
def counting() -> Iterator[Counter]:
    """A tap on the loopback device; needs root."""
    try:
        tap = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK, 0)
    except PermissionError:
        pytest.skip("counting packets needs root")
    with tap:
        tap.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_000_000)
        tap.bind(("lo", IP))
        yield Counter(tap)
