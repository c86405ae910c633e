"""No second holds more connections into a /24 than its cap, whatever slots there are (law 5)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seconds import EDGE, most_in_a_second
from virtual_time import VirtualClock as Clock

from survey.engine import neighbourhoods as module
from survey.engine.neighbourhoods import Neighbourhoods


@given(
    per_second=st.one_of(st.integers(1, 60).map(float), st.floats(0.05, 60)),
    slots=st.integers(1, 5),
    steps=st.lists(st.tuples(st.floats(0, 0.7), st.integers(0, 4)), min_size=20, max_size=150),
)
def test_no_second_holds_more_connections_into_a_24_than_its_cap(
    per_second: float, slots: int, steps: list[tuple[float, int]]
) -> None:
    """All slots together, whether they divide the cap or take turns."""
    clock = Clock()
    limits_of = [
        Neighbourhoods(per_second, slots, slot, wall=lambda: 1e9 + clock.now)
        for slot in range(slots)
    ]
    entered = []
    for wait, slot in steps:
        clock.now += wait
        entered.extend(
            (clock.now, 1)
            for each in (slot, slot + 1, slot)
            if not limits_of[each % slots].enter(0xC0000201, clock.now)
        )

    assert most_in_a_second(entered) <= max(1, int(per_second))


@pytest.mark.parametrize(("per_second", "slots"), [(0.1, 1), (0.1, 4), (1.0, 2), (5.0, 8)])
def test_every_slot_gets_its_turn(per_second: float, slots: int, clock: Clock) -> None:
    """A wait that is told is enough, and nobody waits for ever."""
    for slot in range(slots):
        neighbourhoods = Neighbourhoods(per_second, slots, slot, wall=clock)
        for _ in range(3):
            waits = []
            while wait := neighbourhoods.enter(0xC0000201, clock.now):
                waits.append(wait)
                clock.now += wait + EDGE
            assert len(waits) <= 3
            assert sum(waits) <= (slots + 1) * max(2.5, 1 / per_second) + EDGE


def test_other_24s_are_not_held_up(clock: Clock) -> None:
    """One dense /24 slows itself alone."""
    neighbourhoods = Neighbourhoods(1.0, 1, 0)

    assert neighbourhoods.enter(0xC0000201, clock.now) == 0.0
    assert neighbourhoods.enter(0xC00002FE, clock.now) > 0
    assert neighbourhoods.enter(0xC0000301, clock.now) == 0.0


def test_free_24s_are_forgotten(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory does not grow with the internet."""
    monkeypatch.setattr(module, "PRUNE_AT", 100)
    neighbourhoods = Neighbourhoods(1.0, 1, 0)
    for number in range(1000):
        neighbourhoods.enter(number << 8, clock.now)
        clock.now += 0.1

    assert len(neighbourhoods._due) <= 101
