"""SYN packets as columns: one write per field for all packets, never one per packet.

Ethernet II, IPv4 (RFC 791), TCP (RFC 9293) with the maximum segment size as its only option, like
ZMap today: some hosts never answer a SYN without options.  Everything else is as Linux sends it.
"""

import struct
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from survey.engine.syn.cookie import Numbers, Ports, Sender
from survey.targets.ranges import Ips

Buffer = NDArray[np.uint8]

ETHERNET, IP, TCP = 14, 20, 24
LENGTH = ETHERNET + IP + TCP
"""Bytes of one frame."""

_IPV4 = 0x0800
_DONT_FRAGMENT = 0x4000
_TIME_TO_LIVE = 64
_TCP_PROTOCOL = 6
_SYN = 0x02
_WINDOW = 64_240
_SEGMENT_OPTION, _SEGMENT = 0x0204, 1460

_LOW = np.uint32(0xFFFF)
_HALF = np.uint32(16)


def template(ours: bytes, theirs: bytes) -> bytes:
    """A frame with all that is the same in every SYN; addresses, ports and checksums are 0.

    Args:
        ours: Our interface's Ethernet address.
        theirs: That of the next hop.
    """
    ethernet = theirs + ours + struct.pack(">H", _IPV4)
    ip = struct.pack(
        ">BBHHHBBHII", 0x45, 0, IP + TCP, 0, _DONT_FRAGMENT, _TIME_TO_LIVE, _TCP_PROTOCOL, 0, 0, 0
    )
    offset = TCP // 4 << 4
    tcp = struct.pack(">HHIIBBHHHHH", 0, 0, 0, 0, offset, _SYN, _WINDOW, 0, 0, 0, 0)
    tcp = tcp[:20] + struct.pack(">HH", _SEGMENT_OPTION, _SEGMENT)
    return ethernet + ip + tcp


class SynFrames:
    """Frames in a buffer, one in each row.

    Args:
        rows: Memory of the frames; more than ``LENGTH`` bytes a row is left alone.
        ours: Our interface's Ethernet address.
        theirs: That of the next hop.
    """

    def __init__(self, rows: Buffer, ours: bytes, theirs: bytes) -> None:
        frame = template(ours, theirs)
        rows[:, :LENGTH] = np.frombuffer(frame, dtype=np.uint8)
        ip, tcp = ETHERNET, ETHERNET + IP
        self._ip_checksum = _column(rows, ip + 10, ">u2")
        self._source = _column(rows, ip + 12, ">u4")
        self._target = _column(rows, ip + 16, ">u4")
        self._source_port = _column(rows, tcp, ">u2")
        self._target_port = _column(rows, tcp + 2, ">u2")
        self._sequence = _column(rows, tcp + 4, ">u4")
        self._tcp_checksum = _column(rows, tcp + 16, ">u2")
        # the pseudo header (RFC 9293 s3.1) has the protocol and the length of what follows it
        self._ip_sum = np.uint32(_sum(frame[ip:tcp]))
        self._tcp_sum = np.uint32(_sum(frame[tcp:]) + _TCP_PROTOCOL + TCP)

    def write(self, at: slice, ips: Ips, ports: Ports, sender: Sender) -> None:
        """Make the frames of these rows SYNs to these targets."""
        addresses = _halves(ips)
        addresses += _halves(sender.ips)
        ends = ports.astype(np.uint32)
        ends += sender.ports
        ends += _halves(sender.sequences)
        ends += addresses
        self._source[at] = sender.ips
        self._target[at] = ips
        self._source_port[at] = sender.ports
        self._target_port[at] = ports
        self._sequence[at] = sender.sequences
        self._ip_checksum[at] = _checksums(addresses + self._ip_sum)
        self._tcp_checksum[at] = _checksums(ends + self._tcp_sum)


def _column(rows: Buffer, offset: int, kind: str) -> NDArray[np.uint32]:
    """One big-endian field of every row."""
    width = np.dtype(kind).itemsize
    fields: NDArray[np.uint32] = rows[:, offset : offset + width].view(kind)[:, 0]
    return fields


def _halves(numbers: Numbers) -> Numbers:
    """Upper and lower 16 bits of each, added."""
    return (numbers >> _HALF) + (numbers & _LOW)


def _sum(data: Sequence[int] | bytes) -> int:
    return sum(struct.unpack(f">{len(data) // 2}H", bytes(data)))


def _checksums(sums: Numbers) -> Ports:
    """Internet checksums (RFC 1071) of sums of 16-bit words; fewer than 2**16 words each."""
    folded = _halves(_halves(sums))
    return (~folded).astype(np.uint16)
