"""A keyed order over 0 .. size-1 that can be entered anywhere and undone (decision 0002).

A generalised Feistel network over ``Z_a x Z_b`` with cycle walking: J. Black and P. Rogaway,
"Ciphers with Arbitrary Finite Domains", CT-RSA 2002.  It spreads load; it hides nothing.
"""

import hashlib
from collections.abc import Callable
from math import isqrt

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.uint64]
_Half = NDArray[np.uint32]

ROUNDS = 6
MAX_SIZE = 2**32

_BLOCK = 1 << 14  # indices at a time: all scratch arrays stay in a core's own cache
_HALF_BITS = np.uint32(16)


class Permutation:
    """A bijection of 0 .. size-1, fixed by ``key``.

    Both halves of an index are below 2**16 + 2, so all round arithmetic is exact in 32 bits; the
    index itself takes 64, since a*b may pass 2**32.

    Attributes:
        size: How many indices, 0 to 2**32.
    """

    __slots__ = ("_high", "_low", "_rounds", "size")

    def __init__(self, size: int, key: bytes) -> None:
        assert 0 <= size <= MAX_SIZE, size
        self.size = size
        self._low = max(1, isqrt(size))
        self._high = -(-size // self._low)  # a*b - size < a: walking is rare
        digest = hashlib.blake2b(key, digest_size=12 * 4, person=b"survey order").digest()
        words = np.frombuffer(digest, dtype="<u4").astype(np.uint32)
        # one odd multiplier and one addend for each round
        self._rounds = [(words[i] | np.uint32(1), words[i + 1]) for i in range(0, 2 * ROUNDS, 2)]

    def forward(self, indices: Indices) -> Indices:
        """Where each index goes."""
        return self._walk(indices, self._encrypt)

    def inverse(self, indices: Indices) -> Indices:
        """What came to each index: ``inverse(forward(x)) == x``."""
        return self._walk(indices, self._decrypt)

    def _walk(self, indices: Indices, step: Callable[[Indices], Indices]) -> Indices:
        result = np.empty(len(indices), dtype=np.uint64)
        for start in range(0, len(indices), _BLOCK):
            block = indices[start : start + _BLOCK]
            assert int(block.max()) < self.size, "an index beyond the size"
            moved = step(block)
            # a*b >= size: what lands beyond is moved on until it is inside (cycle walking)
            while len(beyond := np.flatnonzero(moved >= np.uint64(self.size))):
                moved[beyond] = step(moved[beyond])
            result[start : start + _BLOCK] = moved
        return result

    def _split(self, block: Indices) -> tuple[_Half, _Half]:
        high = block // np.uint64(self._low)  # by a scalar: vectorised, unlike the remainder
        low = block - high * np.uint64(self._low)
        return low.astype(np.uint32), high.astype(np.uint32)

    def _join(self, low: _Half, high: _Half) -> Indices:
        joined = high.astype(np.uint64)
        joined *= np.uint64(self._low)
        joined += low
        return joined

    def _encrypt(self, block: Indices) -> Indices:
        low, high = self._split(block)
        for number, (multiplier, addend) in enumerate(self._rounds):
            if number % 2 == 0:
                _add(low, _mix(high, multiplier, addend, self._low), self._low)
            else:
                _add(high, _mix(low, multiplier, addend, self._high), self._high)
        return self._join(low, high)

    def _decrypt(self, block: Indices) -> Indices:
        low, high = self._split(block)
        for number, (multiplier, addend) in reversed(list(enumerate(self._rounds))):
            if number % 2 == 0:
                _subtract(low, _mix(high, multiplier, addend, self._low), self._low)
            else:
                _subtract(high, _mix(low, multiplier, addend, self._high), self._high)
        return self._join(low, high)


def _mix(half: _Half, multiplier: np.uint32, addend: np.uint32, modulus: int) -> _Half:
    """The round function: 0 .. modulus-1 from the other half, multiply and xor-shift twice."""
    mixed = half + addend
    mixed *= multiplier
    mixed ^= mixed >> np.uint32(15)
    mixed *= np.uint32(0x9E3779B1)  # 2**32 over the golden ratio, odd: good avalanche upwards
    mixed ^= mixed >> np.uint32(13)
    mixed *= multiplier
    mixed >>= _HALF_BITS
    # scale by a product instead of a remainder; 65535 * 65537 still fits 32 bits
    mixed *= np.uint32(modulus)
    mixed >>= _HALF_BITS
    return mixed


def _add(half: _Half, other: _Half, modulus: int) -> None:
    """``half = (half + other) % modulus`` in place; both are below it."""
    half += other
    # below the modulus the difference wraps round to something huge, so the minimum is right
    np.minimum(half, half - np.uint32(modulus), out=half)


def _subtract(half: _Half, other: _Half, modulus: int) -> None:
    """``half = (half - other) % modulus`` in place; both are below it."""
    half -= other
    np.minimum(half, half + np.uint32(modulus), out=half)
