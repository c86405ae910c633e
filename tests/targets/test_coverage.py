"""Every address once, and only those that may be: order, shards and gate of a whole plan.

What comes out is put into a bitmap and compared with sets that the standard library has made.  The
long forms go over all of 2**32; they need 1 GB and some minutes, and leave a table in
docs/proofs.md.
"""

import csv
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from importlib.resources import files
from ipaddress import IPv4Network, collapse_addresses, ip_network
from pathlib import Path

import numpy as np
import pytest
from bitmap import Bitmap
from proofs import record

from survey.model.address import MAX_IP, Range
from survey.model.plan import Kind, Plan
from survey.targets.gate import Gate
from survey.targets.optouts import add
from survey.targets.permutation import Permutation
from survey.targets.ranges import RangeSet
from survey.targets.shards import locate, shard_addresses, shard_bounds
from survey.targets.special import special_purpose

MakePlan = Callable[..., Plan]

BLOCK = 1 << 20
# All over the space, large and small, some of them in both.
EXCLUDED = [IPv4Network((n << 24 | 0x123000, 20)) for n in range(1, 224, 2)]
EXCLUDED += [IPv4Network((n << 24 | 0x123456, 32)) for n in range(2, 224, 2)]
OPTED_OUT = [IPv4Network((n << 24 | 0x123800, 21)) for n in range(1, 224, 4)]
OPTED_OUT += [IPv4Network((n << 24 | 0x800000, 9)) for n in range(3, 224, 25)]
HEADER = ("what", "numbers", "seen", "twice", "beyond", "seconds")


def order_covers(size: int) -> tuple[int, float]:
    """Put the whole order of a size into a bitmap, and take each back; how many, and seconds."""
    order, seen, began = Permutation(size, b"a key of 16 byte"), Bitmap(size), time.monotonic()
    for first in range(0, size, BLOCK):
        indices = np.arange(first, min(first + BLOCK, size), dtype=np.uint64)
        moved = order.forward(indices)
        assert int(moved.max()) < size
        assert np.array_equal(order.inverse(moved), indices)
        seen.add(moved)
    assert seen.put == size
    assert seen.held == size
    return size, time.monotonic() - began


def spans(networks: Iterable[IPv4Network]) -> list[tuple[int, int]]:
    """First and last address of each, none in two of them."""
    return [(int(one[0]), int(one[-1])) for one in collapse_addresses(networks)]


def total(ranges: Iterable[tuple[int, int]]) -> int:
    """How many addresses."""
    return sum(last - first + 1 for first, last in ranges)


def without(networks: Iterable[IPv4Network], less: Iterable[IPv4Network]) -> list[IPv4Network]:
    """What is left of them, as the standard library reckons it."""
    left = list(collapse_addresses(networks))
    for gone in less:
        left = [part for one in left for part in minus(one, gone)]
    return left


def minus(one: IPv4Network, gone: IPv4Network) -> Iterable[IPv4Network]:
    """One network without another."""
    if not one.overlaps(gone):
        return (one,)
    return () if one.subnet_of(gone) else one.address_exclude(gone)


def gate_covers(plan: Plan, whole: list[IPv4Network]) -> list[tuple[str, int, int, int]]:
    """Put all shards through the gate into bitmaps; what was expected, seen, and beyond."""
    gate = Gate.open(plan, lambda: True)
    allowed, kept_back = Bitmap(plan.ranges[-1].end), Bitmap(plan.ranges[-1].end)
    fates = np.zeros(3, dtype=np.int64)
    for shard in range(plan.shards):
        ips = shard_addresses(plan, shard)
        first, stop = shard_bounds(plan, shard)
        assert len(ips) == stop - first
        answer = gate.sort(ips)
        masks = (answer.allowed, answer.excluded, answer.opted_out)
        assert np.array_equal(np.sum(masks, axis=0), np.ones(len(ips), dtype=np.int64))
        fates += [np.count_nonzero(mask) for mask in masks]
        allowed.add(ips[answer.allowed])
        kept_back.add(ips[~answer.allowed])
        assert locate(plan, int(ips[-1])) == (shard, stop - 1)
    assert allowed.put + kept_back.put == plan.addresses == total(spans(whole))
    may_be_sent = spans(without(whole, [*EXCLUDED, *OPTED_OUT]))
    asked_not_to = spans(without(whole, without(whole, OPTED_OUT)))
    off_limits = total(spans(whole)) - total(may_be_sent) - total(asked_not_to)
    assert fates.tolist() == [total(may_be_sent), off_limits, total(asked_not_to)]
    must_not = spans(without(whole, without(whole, EXCLUDED + OPTED_OUT)))
    rows = []
    for name, seen, expected in (
        ("allowed by the gate", allowed, may_be_sent),
        ("kept back by it", kept_back, must_not),
    ):
        assert seen.put == seen.held == seen.held_in(expected) == total(expected), name
        rows.append((name, total(expected), seen.held, seen.put - seen.held))
    return rows


@pytest.fixture
def plan_of(make_plan: MakePlan, tmp_path: Path) -> Callable[[RangeSet, int], Plan]:
    """A plan for the internet with an exclusion file and opt-outs."""

    def make(allowed: RangeSet, shard_addresses: int) -> Plan:
        exclusions = tmp_path / "exclusions.txt"
        exclusions.write_text("".join(f"{one}\n" for one in EXCLUDED), encoding="ascii")
        plan = make_plan(allowed.ranges, shard_addresses=shard_addresses, kind=Kind.SURVEY)
        now = datetime(2026, 11, 24, tzinfo=UTC)
        ranges = tuple(Range(*span) for span in spans(OPTED_OUT))
        add(Path(plan.optouts), ranges, "somebody", "", now, now)
        return replace(plan, exclusions=(str(exclusions),))

    return make


def not_special() -> list[IPv4Network]:
    """All of IPv4 but the special-purpose registry, read without our own code."""
    text = files("survey.targets").joinpath("special.csv").read_text(encoding="utf-8")
    rows = csv.reader(line for line in text.splitlines() if not line.startswith("#"))
    special = [ip_network(row[0]) for row in rows if row and row[0][0].isdigit()]
    return without([IPv4Network("0.0.0.0/0")], special)


@pytest.mark.parametrize("size", [1, 65_536, 1_000_003])
def test_an_order_meets_every_index_once(size: int) -> None:
    """The short form: nothing twice, nothing left out, and each can be taken back."""
    order_covers(size)


def test_gate_and_shards_meet_every_address_once(
    plan_of: Callable[[RangeSet, int], Plan],
) -> None:
    """The short form: some 200,000 addresses, of which the gate keeps back what it must."""
    whole = [IPv4Network((n << 24 | 0x120000, 16)) for n in (1, 2, 3)]
    whole += [IPv4Network((0x037FF000, 20)), IPv4Network((0x03800000, 20))]
    allowed = RangeSet.of([Range(*span) for span in spans(whole)])
    gate_covers(plan_of(allowed, 40_000), whole)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_all_of_ipv4_is_met_once(plan_of: Callable[[RangeSet, int], Plan]) -> None:
    """The whole order of 2**32, and the whole internet's plan through its gate."""
    numbers, seconds = order_covers(2**32)
    rows = [("the order of 2^32, there and back", numbers, numbers, 0, 0, f"{seconds:.0f}")]
    whole = not_special()
    plan = plan_of(RangeSet.of([Range(0, MAX_IP)]) - special_purpose(), 1 << 22)
    began = time.monotonic()
    fates = gate_covers(plan, whole)
    seconds = time.monotonic() - began
    rows += [(*fate, 0, f"{seconds:.0f}" if not at else "") for at, fate in enumerate(fates)]
    record("coverage", HEADER, [(row[0], *(f"{n:,}" for n in row[1:5]), row[5]) for row in rows])
