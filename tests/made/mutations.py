"""A small seeded mutator: what a hostile or broken peer may make of a recorded conversation."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from random import Random

WORDS = (
    b"",
    b"\0",
    b"\xff" * 7,
    b"\r\n",
    b"\n",
    b"\r",
    b"\r\n\r\n",
    b" " * 300,
    b"220 ",
    b"220-",
    b"250 2.0.0 ",
    b"250-",
    b"354 \r\n",
    b"421 \r\n",
    b"999 \r\n",
    b"250 2.0.0 " + b"n" * 32 + b"\r\n",
    b"HTTP/1.1 200 OK\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"Content-Length: 99999999999999\r\n",
    b"Content-Length: -1\r\n",
    b"\x05\x00",
    b"\x05\xff",
    b"\x05\x00\x00\x03\xff",
    b"\x00\x5a",
    b"\x00\x5b",
    b"\x16\x03\x01",
    b"\xff\xfb\x01",
    b"WinGate>",
    b"login:",
    b"A" * 9000,
)
"""What some parser of ours looks for, and what none should."""

Mutation = Callable[[Random, bytes, bytes], bytes]


def _flip(draw: Random, data: bytes, _: bytes) -> bytes:
    at = draw.randrange(len(data) + 1)
    return data[:at] + bytes([draw.randrange(256)]) + data[at + 1 :]


def _bit(draw: Random, data: bytes, _: bytes) -> bytes:
    if not data:
        return data
    at = draw.randrange(len(data))
    return data[:at] + bytes([data[at] ^ (1 << draw.randrange(8))]) + data[at + 1 :]


def _insert(draw: Random, data: bytes, _: bytes) -> bytes:
    at = draw.randrange(len(data) + 1)
    return data[:at] + draw.choice(WORDS) + data[at:]


def _drop(draw: Random, data: bytes, _: bytes) -> bytes:
    at = draw.randrange(len(data) + 1)
    return data[:at] + data[at + draw.randrange(1, 20) :]


def _repeat(draw: Random, data: bytes, _: bytes) -> bytes:
    at = draw.randrange(len(data) + 1)
    return data[:at] + data[at : at + 40] * draw.randrange(2, 9) + data[at:]


def _cut(draw: Random, data: bytes, _: bytes) -> bytes:
    return data[: draw.randrange(len(data) + 1)]


def _splice(draw: Random, data: bytes, other: bytes) -> bytes:
    return data[: draw.randrange(len(data) + 1)] + other[draw.randrange(len(other) + 1) :]


def _noise(draw: Random, data: bytes, _: bytes) -> bytes:
    return data + draw.randbytes(draw.randrange(200))


MUTATIONS: tuple[Mutation, ...] = (_flip, _bit, _insert, _drop, _repeat, _cut, _splice, _noise)


def mutated(draw: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """One to four mutations, one after the other."""
    for _ in range(draw.randrange(1, 5)):
        data = draw.choice(MUTATIONS)(draw, data, draw.choice(others))
    return data


def pieces(draw: Random, data: bytes) -> list[bytes]:
    """Cut as the network might: whole, byte by byte, or anywhere."""
    match draw.randrange(3):
        case 0:
            return [data] if data else []
        case 1 if len(data) < 600:  # more would be slow and show nothing new
            return [data[at : at + 1] for at in range(len(data))]
    cuts = sorted({0, len(data), *(draw.randrange(len(data) + 1) for _ in range(3))})
    return [data[a:b] for a, b in pairwise(cuts)]
