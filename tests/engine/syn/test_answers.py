"""Byte tables: what each kind of packet says, and of whom."""

import struct

import numpy as np
import pytest

from survey.engine.syn.answers import WIDTH, Answers, Said, read_answers

US, THEM, ROUTER = 0xC000020A, 0xC6336407, 0xCB007101
OWN, PORT, SEQUENCE = 61234, 1080, 0x01020304
SYN, RST, ACK = 0x02, 0x04, 0x10


def ip(source: int, protocol: int, body: bytes, options: bytes = b"") -> bytes:
    """An IPv4 packet to us."""
    words = 5 + len(options) // 4
    length = 4 * words + len(body)
    header = struct.pack(">BBHHHBBHII", 0x40 | words, 0, length, 7, 0, 55, protocol, 0, source, US)
    return header + options + body


def tcp(flags: int, *, options: bytes = b"", acknowledged: int = SEQUENCE + 1) -> bytes:
    """A segment from them."""
    segment = struct.pack(">HHIIBBHHH", PORT, OWN, 99, acknowledged, 0x50, flags, 0, 0, 0)
    return ip(THEM, 6, segment, options)


def icmp(kind: int, code: int, *, protocol: int = 6, whole: bool = True) -> bytes:
    """A router's error that quotes our SYN."""
    quoted = struct.pack(">BBHHHBBHII", 0x45, 0, 44, 0, 0, 9, protocol, 0, US, THEM)
    quoted += struct.pack(">HHI", OWN, PORT, SEQUENCE) if whole else b""
    return ip(ROUTER, 1, bytes([kind, code]) + bytes(6) + quoted)


def read(*packets: bytes) -> Answers:
    """As the ring has them."""
    bodies = np.zeros((len(packets), WIDTH), dtype=np.uint8)
    for row, packet in enumerate(packets):
        part = np.frombuffer(packet[:WIDTH], dtype=np.uint8)
        bodies[row, : len(part)] = part
    lengths = np.array([min(len(packet), WIDTH) for packet in packets], dtype=np.uint32)
    before = bodies.copy()
    answers = read_answers(bodies, lengths)
    assert (bodies == before).all()
    return answers


@pytest.mark.parametrize(
    ("packet", "said"),
    [
        (tcp(SYN | ACK), Said.OPEN),
        (tcp(SYN | ACK | 0xC0), Said.OPEN),
        (tcp(RST | ACK), Said.REFUSED),
        (tcp(SYN | RST | ACK), Said.REFUSED),
        (tcp(SYN | ACK, options=bytes(8)), Said.OPEN),
        (tcp(SYN | ACK, acknowledged=(SEQUENCE + 1) % 2**32), Said.OPEN),
        (icmp(3, 0), Said.UNREACHABLE),
        (icmp(3, 1), Said.UNREACHABLE),
        (icmp(3, 3), Said.REFUSED),
        (icmp(3, 13), Said.UNREACHABLE),
        (icmp(11, 0), Said.UNREACHABLE),
        (icmp(12, 0), Said.UNREACHABLE),
    ],
)
def test_answers_say_what_connect_would(packet: bytes, said: Said) -> None:
    """As Linux's own connect() takes them; all give back whom we asked, and how."""
    answers = read(packet)

    assert answers.said.tolist() == [said]
    assert (answers.ips.tolist(), answers.ports.tolist()) == ([THEM], [PORT])
    heard = answers.heard
    assert heard.ips.tolist() == [US]
    assert heard.ports.tolist() == [OWN]
    assert heard.sequences.tolist() == [SEQUENCE]


@pytest.mark.parametrize(
    "packet",
    [
        tcp(RST),
        tcp(ACK),
        tcp(SYN),
        tcp(SYN | ACK)[:39],
        tcp(SYN | ACK, options=bytes(4))[:43],
        icmp(3, 4),
        icmp(0, 0),
        icmp(5, 0),
        icmp(3, 1, protocol=17),
        icmp(3, 1, whole=False),
        ip(THEM, 17, bytes(40)),
        b"\x41" + tcp(SYN | ACK)[1:],
        b"",
    ],
)
def test_everything_else_says_nothing(packet: bytes) -> None:
    """Resets without an acknowledgement, too-big errors, short and foreign packets."""
    assert len(read(packet)) == 0


def test_a_mixed_batch_keeps_each_apart() -> None:
    """TCP, ICMP, options and rubbish in one reading."""
    answers = read(tcp(RST | ACK), icmp(3, 1), b"\xff" * 70, tcp(SYN | ACK, options=bytes(12)))

    assert sorted(answers.said.tolist()) == [Said.OPEN, Said.REFUSED, Said.UNREACHABLE]
    assert answers.heard.sequences.tolist() == [SEQUENCE] * 3


def test_sequence_number_wraps() -> None:
    """After 2**32 - 1 comes 0."""
    assert read(tcp(SYN | ACK, acknowledged=0)).heard.sequences.tolist() == [2**32 - 1]
