"""AF_PACKET sockets with a ring of frames that kernel and process share (packet(7), TPACKET_V2).

Version 2, since its frames lie at equal distances: a whole run of them is a column.
"""

import mmap
import os
import socket
import struct
from contextlib import closing

from survey.errors import LocalError

SOL_PACKET = 263
RX_RING, STATISTICS, VERSION, TX_RING, VNET_HEADER, IGNORE_OUTGOING = 5, 6, 10, 13, 15, 23
_TPACKET_V2 = 1

ETHERNET_DEVICE = 1
"""ARPHRD_ETHER: the kind of interface whose frames we can make."""

FREE = 0
"""A frame's status, its first word: belongs to us (sending) or to the kernel (receiving)."""

SHORTEST_BLOCK = 1 << 16


def open_socket(interface: str, protocol: int = 0) -> socket.socket:
    """A raw socket on one interface; with protocol 0 it only sends.

    Raises:
        LocalError: We may not, or there is no such interface; one line says what to do.
    """
    try:
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    except PermissionError as error:
        raise LocalError(
            "SYN discovery needs CAP_NET_RAW; give it to this process, "
            'or write method = "connect" under [discovery]'
        ) from error
    try:
        sock.bind((interface, protocol))
        kind = sock.getsockname()[3]
    except OSError as error:
        sock.close()
        raise LocalError(
            f"discovery.interface: can't use {interface!r} ({error.strerror}); name one that is up"
        ) from error
    if kind != ETHERNET_DEVICE:
        sock.close()
        raise LocalError(
            f"discovery.interface: {interface!r} is no Ethernet interface; name another"
        )
    return sock


def may_open() -> bool:
    """Whether this process has CAP_NET_RAW."""
    try:
        with closing(socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)):
            return True
    except OSError:
        return False


def map_ring(sock: socket.socket, kind: int, frames: int, width: int) -> mmap.mmap:
    """The shared memory of ``frames`` frames of ``width`` bytes each; both powers of two."""
    block = max(SHORTEST_BLOCK, mmap.PAGESIZE)
    assert frames * width % block == 0
    assert block % width == 0
    request = struct.pack("IIII", block, frames * width // block, width, frames)
    try:
        sock.setsockopt(SOL_PACKET, VERSION, _TPACKET_V2)
        sock.setsockopt(SOL_PACKET, kind, request)
        return mmap.mmap(sock.fileno(), frames * width)
    except OSError as error:
        problem = os.strerror(error.errno or 0)
        raise LocalError(
            f"can't make a packet ring of {frames * width >> 20} MB: {problem}"
        ) from error
