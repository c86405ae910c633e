"""Every target has one place, and is found there again."""

from collections.abc import Callable

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from survey.model.address import Range
from survey.model.plan import Plan
from survey.targets.places import Places
from survey.targets.shards import shard_bounds, shard_targets

MakePlan = Callable[..., Plan]
RANGES = (Range(1000, 1019), Range(3000, 3000), Range(5000, 5080))
PORTS = (25, 1080, 65535)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
@given(st.integers(1, 120), st.sampled_from([PORTS, PORTS[:1]]))
def test_places_of_all_shards_are_the_plan(
    make_plan: MakePlan, shard_addresses: int, ports: tuple[int, ...]
) -> None:
    """Each target once, in the shard's order, and back from address and port to its place."""
    plan = make_plan(RANGES, ports, shard_addresses)
    seen = set()
    for shard in range(plan.shards):
        places = Places(plan, shard)
        ordered = np.concatenate(list(places.order(7)))
        ips, theirs = places.targets(ordered)
        batches = list(shard_targets(plan, shard, 1000))

        assert sorted(ordered.tolist()) == list(range(len(places)))
        assert ips.tolist() == [ip for batch in batches for ip in batch.ips.tolist()]
        assert theirs.tolist() == [port for batch in batches for port in batch.ports.tolist()]
        assert places.are(ordered, ips, theirs).all()
        indices = [shard_bounds(plan, shard)[0] + host for host in places.hosts(ordered)]
        assert (places.at(np.array(indices, dtype=np.uint32), theirs) == ordered).all()
        assert (places.ips[places.hosts(ordered)] == ips).all()
        seen |= set(zip(ips.tolist(), theirs.tolist(), strict=True))
    assert len(seen) == plan.targets


def test_no_other_place_is_a_targets(make_plan: MakePlan) -> None:
    """Another host's, another port's, and numbers that are no place at all."""
    places = Places(make_plan(RANGES, PORTS, 40), 0)
    numbers = np.array([0, 1, 3, -1, 120, 2**32 - 1], dtype=np.int64)
    ips = np.full(len(numbers), places.ips[0], dtype=np.uint32)
    ports = np.full(len(numbers), 25, dtype=np.uint16)

    assert places.are(numbers, ips, ports).tolist() == [True] + [False] * 5
    assert len(places.are(numbers[:0], ips[:0], ports[:0])) == 0
