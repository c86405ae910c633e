"""The union of shards is the plan, exactly once, whatever the sizes."""

from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject

from survey.model.address import Range, parse_ip
from survey.model.plan import Plan
from survey.targets import shards as shards_module
from survey.targets.shards import (
    Batch,
    locate,
    recheck_order,
    recheck_targets,
    shard_addresses,
    shard_bounds,
    shard_targets,
)

MakePlan = Callable[..., Plan]
BASE = parse_ip("127.16.0.0")


def spread(addresses: int) -> tuple[Range, ...]:
    """So many addresses in ranges of 1, 2, 3, ... with gaps of 2 between them."""
    ranges, start, left, length = [], BASE, addresses, 1
    while left:
        length = min(length, left)
        ranges.append(Range(start, start + length - 1))
        start, left, length = start + length + 2, left - length, length + 1
    return tuple(ranges)


def every_target(plan: Plan, batch: int = 1 << 16) -> list[tuple[int, int]]:
    """All targets of all shards, in their order."""
    return [
        target
        for shard in range(plan.shards)
        for part in shard_targets(plan, shard, batch)
        for target in pairs(part)
    ]


def pairs(batch: Batch) -> Iterator[tuple[int, int]]:
    """The targets of a batch."""
    assert len(batch) == len(batch.ips) == len(batch.ports)
    return zip(batch.ips.tolist(), batch.ports.tolist(), strict=True)


def assert_exactly_once(plan: Plan) -> None:
    """Every (address, port) of the plan is in one shard, once, and nothing else is."""
    allowed = [np.arange(part.start, part.end + 1) for part in plan.ranges]
    expected = np.add.outer(np.concatenate([[], *allowed]) * 65_536, plan.ports).ravel()
    found = [
        batch.ips.astype(np.int64) * 65_536 + batch.ports
        for shard in range(plan.shards)
        for batch in shard_targets(plan, shard, 1 << 16)
    ]
    assert np.array_equal(np.sort(np.concatenate([[], *found])), expected)


@pytest.mark.parametrize("ports", [(25,), (25, 80), (25, 80, 1080, 3128, 8080)])
@pytest.mark.parametrize("first", range(0, 300, 50))
def test_every_small_plan_is_covered_exactly_once(
    make_plan: MakePlan, first: int, ports: tuple[int, ...]
) -> None:
    """0 to 300 addresses in many shards, two, or one; the smallest have an address a shard."""
    for addresses in range(first, first + 51):
        for shard_size in {max(1, addresses // 30), max(1, addresses - 1), addresses + 1}:
            assert_exactly_once(make_plan(spread(addresses), ports, shard_size))


@pytest.mark.parametrize("addresses", [65_535, 65_536, 65_537, 7919, 10_000, 10_007])
def test_plans_around_squares_and_primes_are_covered_exactly_once(
    make_plan: MakePlan, addresses: int
) -> None:
    """The union of all shards' addresses is the allowed set, at sizes where rounding could err."""
    plan = make_plan(spread(addresses), (25, 80), 997)
    found = np.concatenate([shard_addresses(plan, shard) for shard in range(plan.shards)])
    allowed = np.concatenate([np.arange(p.start, p.end + 1) for p in plan.ranges])
    assert np.array_equal(np.sort(found), allowed)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_plan_is_covered_exactly_once(make_plan: MakePlan, data: DataObject) -> None:
    """Random sizes, ports, shard sizes and seeds."""
    plan = make_plan(
        spread(data.draw(st.integers(0, 2000))),
        tuple(sorted(data.draw(st.sets(st.integers(1, 65_535), min_size=1, max_size=6)))),
        data.draw(st.integers(1, 2500)),
        seed=data.draw(st.binary(min_size=16, max_size=16)).hex(),
    )
    assert_exactly_once(plan)


def test_no_addresses_are_no_shards(make_plan: MakePlan) -> None:
    """An empty plan has nothing to do."""
    plan = make_plan(())
    assert plan.shards == 0
    assert every_target(plan) == []
    assert locate(plan, BASE) is None


def test_one_target_is_one_shard(make_plan: MakePlan) -> None:
    """The smallest plan that does something."""
    plan = make_plan((Range(BASE, BASE),))
    assert every_target(plan) == [(BASE, 1080)]
    assert locate(plan, BASE) == (0, 0)


def test_bounds_partition_the_indices(make_plan: MakePlan) -> None:
    """Shards follow one another without gap; the last may be smaller."""
    plan = make_plan(spread(103), shard_addresses=10)
    bounds = [shard_bounds(plan, shard) for shard in range(plan.shards)]
    assert bounds[0] == (0, 10)
    assert bounds[-1] == (100, 103)
    assert all(one[1] == two[0] for one, two in pairwise(bounds))


def test_every_address_is_located_where_it_is(make_plan: MakePlan) -> None:
    """The question that a complaint raises: which shard tests this address?"""
    plan = make_plan(spread(500), (25, 80), 33)
    for shard in range(plan.shards):
        first, _ = shard_bounds(plan, shard)
        for offset, ip in enumerate(shard_addresses(plan, shard).tolist()):
            assert locate(plan, ip) == (shard, first + offset)
    assert locate(plan, BASE - 1) is None
    assert locate(plan, BASE + 1) is None, "a gap between ranges"


@pytest.mark.parametrize("batch", [1, 7, 64, 10_000])
def test_batches_do_not_matter(make_plan: MakePlan, batch: int) -> None:
    """The order within a shard is the same however it is fetched, and no batch is too large."""
    plan = make_plan(spread(100), (25, 80, 1080), 50)
    assert every_target(plan, batch) == every_target(plan)
    sizes = [len(part) for part in shard_targets(plan, 0, batch)]
    assert sum(sizes) == 150
    assert all(size == batch for size in sizes[:-1])


def test_ports_of_one_host_are_spread_over_its_shard(make_plan: MakePlan) -> None:
    """A host is never asked for all its ports in one go."""
    ports = (25, 80, 1080, 3128)
    plan = make_plan((Range(BASE, BASE + 9_999),), ports, 10_000)
    visits: dict[int, list[int]] = {}
    for place, (ip, _) in enumerate(every_target(plan)):
        visits.setdefault(ip, []).append(place)
    gaps = np.concatenate([np.diff(places) for places in visits.values()])
    # four places thrown on 40,000: their gaps are a fifth of it on average
    assert 7_500 < gaps.mean() < 8_500
    assert np.count_nonzero(gaps < 10) < 120


def test_shards_have_orders_of_their_own(make_plan: MakePlan) -> None:
    """The second order is keyed by the shard: ports do not come in the same pattern everywhere."""
    plan = make_plan((Range(BASE, BASE + 1999),), (25, 80), 1000)
    patterns = [
        [port for part in shard_targets(plan, shard, 4096) for port in part.ports.tolist()]
        for shard in range(2)
    ]
    same = sum(one == two for one, two in zip(*patterns, strict=True))
    assert 800 < same < 1200


def test_another_seed_is_another_order(make_plan: MakePlan) -> None:
    """The seed alone decides the order."""
    ranges = (Range(BASE, BASE + 999),)
    one, two, again = (make_plan(ranges, seed=seed * 16) for seed in ("01", "02", "01"))
    assert every_target(one) == every_target(again)
    assert every_target(one) != every_target(two)


def test_one_target_in_so_many_is_looked_at_again(
    make_plan: MakePlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over all shards exactly; the same ones whenever it is asked, and none twice."""
    monkeypatch.setattr(shards_module, "RECHECKED", 10)
    plan = make_plan(ranges=spread(1234), ports=(25, 1080, 8080), shard_addresses=100)
    chosen = [recheck_order(plan, shard).tolist() for shard in range(plan.shards)]

    assert sum(map(len, chosen)) == plan.targets // 10
    for shard, places in enumerate(chosen):
        first, stop = shard_bounds(plan, shard)
        assert len(set(places)) == len(places)
        assert all(0 <= place < (stop - first) * 3 for place in places)
        assert recheck_order(plan, shard).tolist() == places
        ips = shard_addresses(plan, shard)
        expected = [(int(ips[place // 3]), plan.ports[place % 3]) for place in places]
        assert list(pairs(recheck_targets(plan, shard))) == expected
    assert chosen[0] != chosen[1]
