"""A frame is a SYN that any stack accepts, field by field and in its checksums."""

import struct

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from survey.engine.syn.cookie import Sender
from survey.engine.syn.frames import LENGTH, SynFrames

OURS, THEIRS = bytes.fromhex("020000000001"), bytes.fromhex("020000000002")

# 192.0.2.10:61234 -> 198.51.100.7:8080, sequence 0x01020304; the checksums are tcpdump's.
KNOWN = bytes.fromhex(
    "020000000002" "020000000001" "0800"
    "4500002c" "00004000" "4006" "4e87" "c000020a" "c6336407"
    "ef32" "1f90" "01020304" "00000000" "6002" "faf0" "9e27" "0000" "020405b4"
)  # fmt: skip

numbers = st.integers(0, 2**32 - 1)
ports = st.integers(0, 2**16 - 1)
syns = st.lists(st.tuples(numbers, ports, numbers, ports, numbers), min_size=1, max_size=8)


def written(rows: list[tuple[int, int, int, int, int]]) -> list[bytes]:
    """Frames of (target, port, source, source port, sequence)."""
    memory = np.zeros((len(rows) + 2, 128), dtype=np.uint8)
    frames = SynFrames(memory, OURS, THEIRS)
    ips, theirs, sources, own, sequences = (np.array(column) for column in zip(*rows, strict=True))
    sender = Sender(sources.astype(np.uint32), own.astype(np.uint16), sequences.astype(np.uint32))
    frames.write(slice(1, len(rows) + 1), ips.astype(np.uint32), theirs.astype(np.uint16), sender)
    return [row[:LENGTH].tobytes() for row in memory[1:-1]]


def ones_complement_sum(data: bytes) -> int:
    """The internet checksum's sum, word by word."""
    total = 0
    for (word,) in struct.iter_unpack(">H", data):
        total += word
        total = (total & 0xFFFF) + (total >> 16)
    return total


def test_known_frame() -> None:
    """Byte for byte."""
    (frame,) = written([(0xC6336407, 8080, 0xC000020A, 61234, 0x01020304)])

    assert frame == KNOWN


@given(syns)
def test_fields_and_checksums_are_right(rows: list[tuple[int, int, int, int, int]]) -> None:
    """Each frame says what it was given; header and segment sum up to all ones (RFC 1071)."""
    for frame, (ip, port, source, own, sequence) in zip(written(rows), rows, strict=True):
        header, segment = frame[14:34], frame[34:]
        assert struct.unpack_from(">II", header, 12) == (source, ip)
        assert struct.unpack_from(">HHII", segment) == (own, port, sequence, 0)
        assert ones_complement_sum(header) == 0xFFFF
        pseudo = header[12:20] + struct.pack(">HH", 6, len(segment))
        assert ones_complement_sum(pseudo + segment) == 0xFFFF


def test_rows_beside_are_left_alone() -> None:
    """Only the frames that were asked for change."""
    memory = np.zeros((4, 64), dtype=np.uint8)
    frames = SynFrames(memory, OURS, THEIRS)
    before = memory.copy()
    one = np.array([1], dtype=np.uint32)

    frames.write(slice(2, 3), one, one.astype(np.uint16), Sender(one, one.astype(np.uint16), one))

    changed = (memory != before).any(axis=1)
    assert changed.tolist() == [False, False, True, False]
    assert not memory[:, LENGTH:].any()
