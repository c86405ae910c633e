"""Chance that is the same in every process: keyed hashes of what is being decided.

Nothing here has a state.  The order in which questions are asked, the interpreter and the machine
don't matter; only the seed and the question do.
"""

import hashlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Choice = TypeVar("Choice")

BLOCK = 256
"""Addresses whose draws come from one hash: an aligned /24."""


@dataclass(frozen=True, slots=True)
class Draws:
    """Answers to questions, drawn under a key; see ``draws_of``."""

    key: bytes

    def number(self, *question: str | int) -> int:
        """A number from 0 to 2**64 - 1 for this question."""
        text = "\0".join(map(str, question)).encode()
        return int.from_bytes(hashlib.blake2b(text, digest_size=8, key=self.key).digest(), "big")

    def share(self, *question: str | int) -> float:
        """A number from 0 up to, not including, 1 for this question."""
        return (self.number(*question) >> 11) / 2**53

    def between(self, low: float, high: float, *question: str | int) -> float:
        """A number from ``low`` up to, not including, ``high`` for this question."""
        return low + (high - low) * self.share(*question)

    def pick(self, choices: Sequence[Choice], *question: str | int) -> Choice:
        """One of the choices, each as likely."""
        return choices[self.number(*question) % len(choices)]

    def weigh(self, choices: Sequence[tuple[Choice, float]], *question: str | int) -> Choice:
        """One of the choices, each as likely as its weight says."""
        left = self.share(*question) * sum(weight for _, weight in choices)
        for choice, weight in choices:
            left -= weight
            if left < 0:
                return choice
        return choices[-1][0]

    def shuffle(self, choices: Sequence[Choice], *question: str | int) -> list[Choice]:
        """The choices in an order of their own."""
        order = sorted(range(len(choices)), key=lambda index: self.number(*question, index))
        return [choices[index] for index in order]

    def block(self, start: int) -> NDArray[np.uint32]:
        """One 32-bit number for each of the 256 addresses from ``start`` on, a multiple of 256."""
        assert start % BLOCK == 0, start
        draws = hashlib.shake_256(self.key + struct.pack(">I", start)).digest(4 * BLOCK)
        return np.frombuffer(draws, dtype="<u4").astype(np.uint32, copy=False)


def draws_of(seed: str) -> Draws:
    """The draws of one seed, any text."""
    return Draws(hashlib.blake2b(seed.encode(), digest_size=32, person=b"survey lab").digest())
