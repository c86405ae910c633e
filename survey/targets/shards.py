"""Slices of the permuted plan: which targets are in which shard, and in which order.

Plan index -> (permutation) -> position -> (ranges) -> address.  A shard is a run of plan indices;
inside it the (address, port) pairs have a second keyed order, so that one host's ports are spread.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from survey.model.plan import Plan
from survey.targets.permutation import Indices, Permutation
from survey.targets.ranges import Ips, RangeSet

CHUNK = 1 << 17
"""Addresses that are worked out at a time: a shard has millions, and its worker 300 MB."""

RECHECKED = 1000
"""One target in so many is dialled a second time, to tell how many open ports one look misses."""


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Some targets, in the order in which they are to be visited.

    Attributes:
        ips: Address of each.
        ports: Port of each.
    """

    ips: Ips
    ports: NDArray[np.uint16]

    def __len__(self) -> int:
        return len(self.ips)


def shard_bounds(plan: Plan, shard: int) -> tuple[int, int]:
    """First plan index of the shard, and the one after its last."""
    assert 0 <= shard < plan.shards, (shard, plan.shards)
    first = shard * plan.shard_addresses
    return first, min(first + plan.shard_addresses, plan.addresses)


def shard_addresses(plan: Plan, shard: int) -> Ips:
    """The shard's addresses, by rising plan index."""
    first, stop = shard_bounds(plan, shard)
    order, ranges = address_order(plan), RangeSet.of(plan.ranges)
    ips: Ips = np.empty(stop - first, dtype=np.uint32)
    for start in range(first, stop, CHUNK):
        end = min(start + CHUNK, stop)
        positions = order.forward(np.arange(start, end, dtype=np.uint64))
        ips[start - first : end - first] = ranges.ip_at(positions)
    return ips


def addresses_at(plan: Plan, indices: NDArray[np.uint32]) -> Ips:
    """The address of each plan index."""
    positions = address_order(plan).forward(indices.astype(np.uint64))
    return RangeSet.of(plan.ranges).ip_at(positions)


def shard_targets(plan: Plan, shard: int, batch: int) -> Iterator[Batch]:
    """The shard's targets in its own keyed order, each exactly once; ``batch`` or fewer a time."""
    assert batch > 0
    ips = shard_addresses(plan, shard)
    ports = np.array(plan.ports, dtype=np.uint16)
    for pair in shard_order(plan, shard, batch):
        host = pair // np.uint64(len(ports))
        yield Batch(ips[host], ports[pair - host * np.uint64(len(ports))])


def shard_order(plan: Plan, shard: int, batch: int) -> Iterator[Indices]:
    """The same order as numbers: host's rank in the shard times ports, plus port's rank."""
    first, stop = shard_bounds(plan, shard)
    pairs = (stop - first) * len(plan.ports)
    order = Permutation(pairs, _key(plan, b"shard", shard))
    for start in range(0, pairs, batch):
        yield order.forward(np.arange(start, min(start + batch, pairs), dtype=np.uint64))


def recheck_order(plan: Plan, shard: int) -> Indices:
    """Which of the shard's targets are dialled a second time, numbered as by ``shard_order``.

    A keyed choice, the same whenever the shard is done: over all shards one target in RECHECKED.
    """
    first, stop = shard_bounds(plan, shard)
    ports = len(plan.ports)
    count = stop * ports // RECHECKED - first * ports // RECHECKED
    order = Permutation((stop - first) * ports, _key(plan, b"recheck", shard))
    return order.forward(np.arange(count, dtype=np.uint64))


def recheck_targets(plan: Plan, shard: int) -> Batch:
    """The same as addresses and ports, without making the whole shard."""
    first, _ = shard_bounds(plan, shard)
    chosen = recheck_order(plan, shard)
    host = chosen // np.uint64(len(plan.ports))
    positions = address_order(plan).forward(np.uint64(first) + host)
    ports = np.array(plan.ports, dtype=np.uint16)
    return Batch(
        RangeSet.of(plan.ranges).ip_at(positions),
        ports[chosen - host * np.uint64(len(plan.ports))],
    )


def locate(plan: Plan, ip: int) -> tuple[int, int] | None:
    """The shard and the plan index of an address, or None if it is not in the plan."""
    position = int(RangeSet.of(plan.ranges).position_of(np.array([ip], dtype=np.uint32))[0])
    if position < 0:
        return None
    index = int(address_order(plan).inverse(np.array([position], dtype=np.uint64))[0])
    return index // plan.shard_addresses, index


def address_order(plan: Plan) -> Permutation:
    """Plan index -> position among the allowed addresses."""
    return Permutation(plan.addresses, _key(plan, b"addresses", 0))


def _key(plan: Plan, use: bytes, number: int) -> bytes:
    """A key for one order of this plan; no two orders share theirs."""
    return hashlib.blake2b(
        number.to_bytes(8, "big"), key=bytes.fromhex(plan.seed), person=use, digest_size=16
    ).digest()
