"""A path that was still and then brings all its answers at once does not break the cap."""

import pytest
from made_wire import fullest_second
from virtual_time import VirtualClock as Clock

from survey.engine.awaited import Awaited
from survey.engine.neighbourhoods import Neighbourhoods
from survey.engine.pacing import Pacer

ROUND_TRIP = 0.02
PATIENCE = 0.9


def discover(
    clock: Clock, *, rate: int, each: int, every: int, stills: tuple[tuple[float, float], ...]
) -> tuple[list[float], int]:
    """Three seconds of discovery on a path that is still in between.

    Every so many-th host accepts, the others are silent.

    Returns:
        When packets left, and how many SYNs of them.
    """
    pacer = Pacer(rate, Neighbourhoods(1e9, 1, 0), clock)
    start = clock.now
    air: list[tuple[float, bool]] = []
    left: list[float] = []
    syns = accepted = 0

    def arrival(sent: float) -> float:
        due = sent + ROUND_TRIP
        for begin, end in stills:
            if start + begin <= due < start + end:
                return start + end
        return due

    while clock.now < start + 3:
        before = len(air)
        air = [one for one in air if not one[1] or arrival(one[0]) > clock.now]
        opened = before - len(air)
        air = [one for one in air if one[0] > clock.now - PATIENCE]
        accepted += opened
        left += [clock.now] * (each * opened)
        pacer.charge(each * opened)
        pacer.awaited.stands(in_air=len(air), sent=syns, accepted=accepted, each=each)
        spare = pacer.spare()
        for _ in range(spare):
            air.append((clock.now, syns % every == 0))
            syns += 1
        left += [clock.now] * spare
        pacer.charge(spare)
        clock.now += 0.004
    return left, syns


@pytest.mark.parametrize("each", [1, 2])
@pytest.mark.parametrize("every", [1, 2, 10, 100])
@pytest.mark.parametrize(
    "stills",
    [(), ((1.2, 1.3),), ((1.0, 1.8),), ((0.0, 0.7),), ((0.5, 0.8), (1.1, 1.5), (1.9, 2.6))],
)
def test_answers_that_come_all_at_once_fit_into_the_cap(
    clock: Clock, each: int, every: int, stills: tuple[tuple[float, float], ...]
) -> None:
    """However many hosts accept, however long the path was still (within an answer's time)."""
    left, syns = discover(clock, rate=2000, each=each, every=every, stills=stills)

    assert fullest_second(left) <= 2000
    assert syns > 300


def test_silent_hosts_cost_no_room(clock: Clock) -> None:
    """Where hardly anybody accepts, nearly the whole rate is left for SYNs."""
    _, syns = discover(clock, rate=2000, each=1, every=1000, stills=())

    assert syns > 2000 * 3 * 0.75  # the first second is the careful one


def test_before_anything_is_heard_each_may_be_accepted() -> None:
    """Half of the room is sent into, if each may come back as one packet more."""
    awaited = Awaited()
    awaited.stands(in_air=0, sent=0, accepted=0, each=1)
    assert awaited.fit(100) == 50

    awaited.stands(in_air=50, sent=50, accepted=0, each=1)
    assert awaited.fit(50) == 0
    assert awaited.forced() == 50


def test_as_many_are_kept_free_as_accept() -> None:
    """A tenth of the hosts accepts, and a little more could."""
    awaited = Awaited()
    awaited.stands(in_air=900, sent=100_900, accepted=10_000, each=2)

    assert 2 * 90 < awaited.forced() < 2 * 90 * 1.3
    assert 600 < awaited.fit(1000) < 820


def test_slow_slot_still_goes_on() -> None:
    """One that may send less than an open host costs takes one host after another."""
    awaited = Awaited()
    awaited.stands(in_air=0, sent=0, accepted=0, each=2)
    assert awaited.fit(1) == 1
    assert awaited.fit(0) == 0

    awaited.stands(in_air=1, sent=1, accepted=0, each=2)
    assert awaited.fit(1) == 0
