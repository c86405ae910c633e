"""The keyed permutation with index-to-address, against ZMap's way: a cyclic walk modulo a prime.

The peer walks powers of a primitive root modulo 2**32 + 15, vectorised in numpy with the same block
size.  It is faster per element and has no cheap inverse, which is why we do not use it.
"""

import time
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from survey.model.address import MAX_IP, Range
from survey.targets.permutation import Permutation
from survey.targets.ranges import RangeSet
from survey.targets.special import special_purpose
from tests.benchmarks.result import Result, rss_mb

BLOCK = 1 << 16
FULL, SMALL = 400, 2
PRIME = 2**32 + 15
ROOT = 3


def run(*, small: bool = False) -> Iterator[Result]:
    """Millions of targets per second over the whole allowed IPv4 space."""
    blocks = SMALL if small else FULL
    allowed = RangeSet.of([Range(0, MAX_IP)]) - special_purpose()
    permutation = Permutation(allowed.size, b"benchmark key 01")

    def ours(block: int) -> NDArray[np.uint32]:
        first = block * BLOCK
        return allowed.ip_at(permutation.forward(np.arange(first, first + BLOCK, dtype=np.uint64)))

    powers = _powers(BLOCK)

    def peer(block: int) -> NDArray[np.uint64]:
        start = pow(ROOT, block * BLOCK, PRIME)
        return _mulmod(powers, start)

    ours_rate, ours_cpu = _rate(ours, blocks)
    peer_rate, peer_cpu = _rate(peer, blocks)
    yield Result(
        "permutation",
        "M targets/s",
        round(ours_rate, 2),
        "cyclic walk mod 2**32+15 (numpy, no index-to-address, no inverse)",
        round(peer_rate, 2),
        round(ours_rate / peer_rate, 3),
        round(ours_cpu, 2),
        round(peer_cpu, 2),
        rss_mb(),
    )


def _rate(step: Callable[[int], object], blocks: int) -> tuple[float, float]:
    step(0)
    began, cpu = time.perf_counter(), time.process_time()
    for block in range(blocks):
        step(block)
    return BLOCK * blocks / (time.perf_counter() - began) / 1e6, time.process_time() - cpu


def _powers(count: int) -> NDArray[np.uint64]:
    values, value = [], 1
    for _ in range(count):
        values.append(value)
        value = value * ROOT % PRIME
    return np.array(values, dtype=np.uint64)


def _mulmod(values: NDArray[np.uint64], factor: int) -> NDArray[np.uint64]:
    """``values * factor % PRIME`` without leaving 64 bits: 17 bits of the factor at a time."""
    result = np.zeros_like(values)
    for shift in (17, 0):
        result = (
            result * np.uint64(1 << 17) + values * np.uint64(factor >> shift & 0x1FFFF)
        ) % PRIME
    return result
