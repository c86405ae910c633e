"""SipHash-2-4 of many short messages at once.

J.-P. Aumasson and D. J. Bernstein, "SipHash: a fast short-input PRF", INDOCRYPT 2012.  What Linux
makes its own sequence numbers and SYN cookies with.
"""

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]

KEY_BYTES = 16

_START = (0x736F6D6570736575, 0x646F72616E646F6D, 0x6C7967656E657261, 0x7465646279746573)


def siphash(key: bytes, messages: Words, length: int) -> Words:
    """The hash of each message of ``length`` bytes, 0 to 7.

    Args:
        key: 16 bytes.
        messages: Each as a little-endian number below ``256**length``.
        length: How long all of them are, bytes.
    """
    assert len(key) == KEY_BYTES
    assert 0 <= length <= 7  # noqa: PLR2004 - one block: seven bytes and the length
    low, high = int.from_bytes(key[:8], "little"), int.from_bytes(key[8:], "little")
    block = messages | np.uint64(length << 56)
    state = [
        np.full(len(block), start ^ half, dtype=np.uint64)
        for start, half in zip(_START, (low, high, low, high), strict=True)
    ]
    scratch = np.empty(len(block), dtype=np.uint64)
    state[3] ^= block
    _rounds(2, state, scratch)
    state[0] ^= block
    state[2] ^= np.uint64(0xFF)
    _rounds(4, state, scratch)
    a, b, c, d = state
    return a ^ b ^ c ^ d


def _rounds(count: int, state: list[Words], scratch: Words) -> None:
    a, b, c, d = state
    for _ in range(count):
        a += b
        c += d
        _rotate(b, 13, scratch)
        _rotate(d, 16, scratch)
        b ^= a
        d ^= c
        _rotate(a, 32, scratch)
        c += b
        a += d
        _rotate(b, 17, scratch)
        _rotate(d, 21, scratch)
        b ^= c
        d ^= a
        _rotate(c, 32, scratch)


def _rotate(words: Words, bits: int, scratch: Words) -> None:
    """Rotate left in place."""
    np.left_shift(words, np.uint64(bits), out=scratch)
    np.right_shift(words, np.uint64(64 - bits), out=words)
    np.bitwise_or(words, scratch, out=words)
