"""Slots share the source ports, each with its own."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from survey.model.discovery import DiscoveryPlan


@given(st.integers(1024, 65535), st.integers(0, 5000), st.integers(1, 64))
def test_slots_divide_the_ports(first: int, more: int, slots: int) -> None:
    """All of them, none twice, and each slot has one at least."""
    last = min(65535, max(first + more, first + slots - 1))
    first = min(first, last - slots + 1)
    plan = DiscoveryPlan(source_ports=(first, last))

    parts = [plan.slot_ports(slots, slot) for slot in range(slots)]

    assert (parts[0][0], parts[-1][1]) == (first, last)
    assert all(start <= stop for start, stop in parts)
    assert all(one[1] + 1 == other[0] for one, other in pairwise(parts))
