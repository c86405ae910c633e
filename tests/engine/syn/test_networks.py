"""The columns decide about every connection into a /24 as the plain limiter does, one by one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from survey.engine.neighbourhoods import Neighbourhoods
from survey.engine.syn.networks import NetworkColumns

IPS = np.array([0xC6120000 + (net << 8) + host for net in range(4) for host in range(4)], np.uint32)
rates = st.sampled_from([0.1, 0.5, 1.0, 3.0, 50.0, 1000.0])
steps = st.lists(
    st.tuples(st.floats(0, 5), st.lists(st.integers(0, 15), max_size=12)), min_size=1, max_size=12
)


@given(rates, st.integers(1, 3), steps)
def test_same_answers_as_one_by_one(
    rate: float, slots: int, visits: list[tuple[float, list[int]]]
) -> None:
    """Whoever may enter enters; the order of a batch is kept; turns are kept."""
    now = 1000.0
    plain = Neighbourhoods(rate, slots, 0, lambda: now)
    columns = NetworkColumns(rate, slots, 0, IPS, lambda: now)
    for passed, rows in visits:
        now += passed
        ranks = columns.of[np.array(rows, dtype=np.intp)]

        waits = columns.enter_all(ranks, now)

        expected = [plain.enter(int(IPS[row]), now) for row in rows]
        assert (waits <= 0).tolist() == [wait == 0 for wait in expected]


@pytest.mark.parametrize("slot", [0, 1, 2])
def test_waits_until_the_turn(slot: int) -> None:
    """Who waits for a turn is told when it comes."""
    now = 1000.0
    columns = NetworkColumns(0.5, 3, slot, IPS, lambda: now)
    plain = Neighbourhoods(0.5, 3, slot, lambda: now)
    ranks = columns.of[[0, 4, 8]]

    waits = columns.enter_all(ranks, now)

    assert waits.tolist() == pytest.approx([plain.enter(int(IPS[row]), now) for row in (0, 4, 8)])


def test_those_who_wait_for_one_network_are_told_different_times() -> None:
    """They would all come back at once otherwise."""
    columns = NetworkColumns(2.0, 1, 0, IPS)

    waits = columns.enter_all(np.zeros(5, dtype=np.intp), 10.0)

    assert waits[0] == 0
    assert (np.diff(waits) > 0.4).all()


def test_conversations_and_syns_share_a_network() -> None:
    """What one took, the other lacks, in both directions."""
    columns = NetworkColumns(1.0, 1, 0, IPS)
    ip = int(IPS[0])

    assert columns.enter(ip, 10.0) == 0
    assert columns.enter_all(columns.of[:1], 10.5)[0] == pytest.approx(columns.enter(ip, 10.5))
    assert columns.enter_all(columns.of[:1], 12.0)[0] == 0
    assert columns.enter(ip + 1, 12.5) > 0


def test_network_outside_the_shard_is_limited_too() -> None:
    """A conversation may go where this shard has no target."""
    columns = NetworkColumns(1.0, 1, 0, IPS)

    assert columns.enter(0xC6130000, 10.0) == 0
    assert columns.enter(0xC6130001, 10.5) > 0
