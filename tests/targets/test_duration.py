"""Rates, shard sizes and durations follow from the caps."""

from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from survey.model.address import Range
from survey.model.plan import Plan, Rate
from survey.targets.duration import (
    MAX_SHARDS,
    effective_rate,
    fullest_24,
    seconds,
    shard_addresses,
)
from survey.targets.ranges import RangeSet, parse_cidr

SLASH_16 = RangeSet.of([parse_cidr("127.16.0.0/16")])
FAST = Rate(1000, 1000.0, 1)


@given(
    st.lists(
        st.tuples(st.integers(0, 1500), st.integers(0, 300)).map(lambda p: Range(p[0], sum(p))),
        max_size=12,
    )
)
def test_fullest_network_is_counted(ranges: list[Range]) -> None:
    """As if every address were counted one by one."""
    some = RangeSet.of(ranges)
    counted = Counter(ip >> 8 for part in some.ranges for ip in range(part.start, part.end + 1))
    assert fullest_24(some) == max(counted.values(), default=0)


def test_dense_space_is_scanned_more_slowly() -> None:
    """256 networks at 0.1 connections/s each bear 25.6/s, whatever the cap allows."""
    assert effective_rate(SLASH_16, Rate(1000, 0.1, 1)) == pytest.approx(25.6)
    assert effective_rate(SLASH_16, FAST) == 1000
    one_each = RangeSet.of([Range(net << 8, net << 8) for net in range(256)])
    assert effective_rate(one_each, Rate(1000, 0.1, 1)) == pytest.approx(25.6)
    assert effective_rate(RangeSet.of([]), FAST) == 1000


def test_shard_is_the_slots_work_of_its_seconds() -> None:
    """Rate, ports and slots divide the time that a shard takes."""
    assert shard_addresses(SLASH_16, 1, FAST, 2, 10) == 5000
    assert shard_addresses(SLASH_16, 4, FAST, 2, 10) == 1250
    assert shard_addresses(SLASH_16, 4, Rate(1000, 0.1, 1), 1, 600) == 3840


def test_shard_has_at_least_one_address() -> None:
    """Also with many ports, a low rate, or nothing to do."""
    assert shard_addresses(SLASH_16, 300, Rate(1, 1000.0, 1), 1, 10) >= 1
    assert shard_addresses(RangeSet.of([]), 1, FAST, 2, 10) == 1


def test_small_plan_still_has_work_for_every_slot() -> None:
    """A plan of half a shard is cut so that no slot idles."""
    assert shard_addresses(RangeSet.of([Range(0, 99)]), 1, FAST, 4, 600) == 25


def test_there_are_never_too_many_shards() -> None:
    """The coordinator's work is bounded: a slow campaign gets longer shards instead."""
    size = shard_addresses(RangeSet.of([parse_cidr("16.0.0.0/4")]), 8, Rate(10, 0.1, 1), 1, 1)
    assert -(-(2**28) // size) <= MAX_SHARDS


def test_duration_follows_the_rate(make_plan: Callable[..., Plan]) -> None:
    """65,536 addresses on two ports at 1,000/s are a little over two minutes."""
    plan = make_plan(SLASH_16.ranges, (25, 80), 500, slots=4, rate=FAST)
    assert seconds(plan) == pytest.approx(131.072, rel=0.02)


def test_duration_follows_the_density(make_plan: Callable[..., Plan]) -> None:
    """256 addresses of a network at one in ten seconds take 2,560 s at least."""
    plan = make_plan(SLASH_16.ranges, (25,), 2048, slots=1, rate=Rate(100_000, 0.1, 1))
    assert seconds(plan) == pytest.approx(2560)


def test_idle_slots_do_not_make_it_faster(make_plan: Callable[..., Plan]) -> None:
    """One shard has one slot's share of the cap only."""
    plan = make_plan((Range(0, 999),), (25,), 1000, slots=4, rate=FAST)
    assert seconds(plan) == pytest.approx(4.0)


def test_empty_plan_takes_no_time(make_plan: Callable[..., Plan]) -> None:
    """Nothing to do is done at once."""
    assert seconds(make_plan(())) == 0
