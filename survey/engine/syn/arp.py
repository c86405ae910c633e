"""The Ethernet address of the next hop, asked for as RFC 826 says.

A question to our own router, not a measurement: it goes to nobody on the internet (law 1).
"""

import socket
import struct
import time

from survey.engine.syn.packet_socket import open_socket
from survey.errors import LocalError
from survey.model.address import format_ip

TRIES = 3
PATIENCE = 1.0
"""Seconds for one try."""

_ARP, _IPV4 = 0x0806, 0x0800
_ETHERNET = 1
_ASK, _ANSWER = 1, 2
_BODY = struct.Struct(">HHBBH6sI6sI")
_HEADER = 14
_EVERYBODY = b"\xff" * 6


def question(ours: bytes, source: int, wanted: int) -> bytes:
    """The frame that asks who has ``wanted``."""
    body = _BODY.pack(_ETHERNET, _IPV4, 6, 4, _ASK, ours, source, bytes(6), wanted)
    return _EVERYBODY + ours + struct.pack(">H", _ARP) + body


def answer_in(frame: bytes, wanted: int) -> bytes | None:
    """The Ethernet address that a frame tells of ``wanted``, or None if it tells nothing of it."""
    if len(frame) < _HEADER + _BODY.size or frame[12:14] != struct.pack(">H", _ARP):
        return None
    kind, protocol, long, short, said, theirs, ip, _, _ = _BODY.unpack_from(frame, _HEADER)
    if (kind, protocol, long, short, said, ip) != (_ETHERNET, _IPV4, 6, 4, _ANSWER, wanted):
        return None
    address: bytes = theirs
    return address


def resolve(interface: str, source: int, wanted: int) -> bytes:
    """Ask on an interface who has ``wanted``.

    Args:
        interface: Its name.
        source: Our address there.
        wanted: The next hop's address, on the same network.

    Raises:
        LocalError: Nobody answers.
    """
    with open_socket(interface, _ARP) as sock:
        ours: bytes = sock.getsockname()[4]
        for _ in range(TRIES):
            sock.send(question(ours, source, wanted))
            if address := _hear(sock, wanted, time.monotonic() + PATIENCE):
                return address
    raise LocalError(
        f"the gateway {format_ip(wanted)} does not answer ARP on {interface}; "
        "correct discovery.gateway or discovery.interface"
    )


def _hear(sock: socket.socket, wanted: int, until: float) -> bytes | None:
    while (left := until - time.monotonic()) > 0:
        sock.settimeout(left)
        try:
            frame = sock.recv(2048)
        except TimeoutError:
            return None
        if address := answer_in(frame, wanted):
            return address
    return None
