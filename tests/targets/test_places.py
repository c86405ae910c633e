"""Every target has one place, and is found there again."""

from collections.abc import Callable

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from survey.model.address import Range
from survey.model.plan import Plan
from survey.targets.places import Places
from survey.targets.shards import shard_targets

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
        assert (places.of(ips, theirs) == ordered).all()
        assert (places.ips[places.hosts(ordered)] == ips).all()
        seen |= set(zip(ips.tolist(), theirs.tolist(), strict=True))
    assert len(seen) == plan.targets


def test_other_targets_have_no_place(make_plan: MakePlan) -> None:
    """Another shard's, another port's, another network's."""
    plan = make_plan(RANGES, PORTS, 40)
    here, there = Places(plan, 0), Places(plan, 1)
    ips = np.array([here.ips[0], there.ips[0], here.ips[0], 999, 0, 2**32 - 1], dtype=np.uint32)
    ports = np.array([25, 25, 26, 25, 25, 25], dtype=np.uint16)

    places = here.of(ips, ports)

    assert places[0] >= 0
    assert (places[1:] == -1).all()
    assert len(here.of(ips[:0], ports[:0])) == 0
