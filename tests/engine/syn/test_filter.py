"""The kernel's own interpreter says what our filter lets through; a local socket is enough."""

import socket
import struct

import pytest

from survey.engine.syn.filter import answers_to, attach

FIRST, LAST = 61000, 62000
SYN_ACK, RST, RST_ACK, SYN, ACK = 0x12, 0x04, 0x14, 0x02, 0x10


def tcp(port: int, flags: int, *, words: int = 5, fragment: int = 0) -> bytes:
    """A frame with a segment to a port of ours."""
    ip = struct.pack(">BBHHHBBHII", 0x40 | words, 0, 40, 0, fragment, 64, 6, 0, 1, 2)
    segment = struct.pack(">HHIIBBHHH", 1080, port, 0, 0, 0x50, flags, 0, 0, 0)
    return bytes(14) + ip + bytes(4 * (words - 5)) + segment


def icmp(kind: int) -> bytes:
    """A frame with an ICMP message."""
    ip = struct.pack(">BBHHHBBHII", 0x45, 0, 56, 0, 0, 64, 1, 0, 1, 2)
    return bytes(14) + ip + bytes([kind, 1]) + bytes(34)


def kept(frame: bytes) -> bool:
    """Whether the kernel hands the frame on."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with ours, theirs:
        attach(ours, answers_to(FIRST, LAST))
        ours.setblocking(False)
        try:
            theirs.send(frame)
            return ours.recv(2048) == frame
        except (BlockingIOError, PermissionError):  # a Unix socket may tell its sender
            return False


@pytest.mark.parametrize(
    "frame",
    [
        tcp(FIRST, SYN_ACK),
        tcp(LAST, SYN_ACK),
        tcp(61500, RST_ACK),
        tcp(61500, RST),
        tcp(61500, SYN_ACK, words=7),
        tcp(61500, SYN_ACK, fragment=0x4000),
        icmp(3),
        icmp(11),
        icmp(12),
    ],
)
def test_answers_get_through(frame: bytes) -> None:
    """What could be an answer to a SYN of ours, from the first port to the last."""
    assert kept(frame)


@pytest.mark.parametrize(
    "frame",
    [
        tcp(FIRST - 1, SYN_ACK),
        tcp(LAST + 1, SYN_ACK),
        tcp(61500, ACK),
        tcp(61500, SYN),
        tcp(61500, SYN_ACK, fragment=1),
        icmp(0),
        icmp(8),
        bytes(14) + struct.pack(">BBHHHBBHII", 0x45, 0, 28, 0, 0, 64, 17, 0, 1, 2) + bytes(8),
        tcp(61500, SYN_ACK)[:40],
        b"",
    ],
)
def test_everything_else_stays_outside(frame: bytes) -> None:
    """Other ports, other flags, fragments, other protocols, packets that end too soon."""
    assert not kept(frame)
