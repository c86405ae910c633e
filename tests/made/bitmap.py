"""A bit for each IPv4 address, in 512 MB: which ones came, and whether one came twice."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

_EIGHT = 3


class Bitmap:
    """A set of numbers below ``size`` that counts what was put into it.

    Attributes:
        put: How many numbers were put in, the same ones again included.
    """

    def __init__(self, size: int) -> None:
        self._bytes = np.zeros((size >> _EIGHT) + 1, dtype=np.uint8)
        self.put = 0

    def add(self, numbers: NDArray[np.unsignedinteger]) -> None:
        """Set the bits of these numbers."""
        places = (numbers >> numbers.dtype.type(_EIGHT)).astype(np.intp)
        bits = (numbers & numbers.dtype.type(7)).astype(np.uint8)
        # one bit of all bytes at a time: within one assignment a byte may stand twice
        for bit in range(8):
            self._bytes[places[bits == bit]] |= np.uint8(1 << bit)
        self.put += len(numbers)

    @property
    def held(self) -> int:
        """How many different numbers are in."""
        step = 1 << 24
        parts = (self._bytes[at : at + step] for at in range(0, len(self._bytes), step))
        return sum(int(np.bitwise_count(part).sum(dtype=np.int64)) for part in parts)

    def held_within(self, first: int, last: int) -> int:
        """How many of them are ``first`` to ``last``."""
        begin, end = first >> _EIGHT, (last >> _EIGHT) + 1
        part = self._bytes[begin:end].copy()
        part[0] &= np.uint8(0xFF << (first & 7) & 0xFF)
        part[-1] &= np.uint8((2 << (last & 7)) - 1)
        return int(np.bitwise_count(part).sum(dtype=np.int64))

    def held_in(self, ranges: Iterable[tuple[int, int]]) -> int:
        """How many of them lie in these ranges, which do not overlap."""
        return sum(self.held_within(first, last) for first, last in ranges)
