"""The cap holds in every second, through bursts, stalls and changes of rate (law 5)."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Coroutine
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_wire import fullest_second

from survey.engine.pacing import (
    BURST_SECONDS,
    MOST,
    Meter,
    Neighbourhoods,
    Pacer,
    TokenBucket,
    limits,
    share,
)

Run = Callable[[Coroutine[Any, Any, Any]], Any]
EDGE = 1e-9


class Clock:
    """Seconds that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """The time."""
        return self.now


def most_in_a_second(events: list[tuple[float, int]]) -> int:
    """The fullest closed second, as an outside counter sees it."""
    return max(
        (
            sum(count for at, count in events if start <= at <= start + 1 - EDGE)
            for start, _ in events
        ),
        default=0,
    )


waits = st.lists(
    st.one_of(st.floats(0, 0.05), st.floats(0.2, 3.0), st.just(0.0), st.just(1 / 3)),
    min_size=5,
    max_size=80,
)


@given(rate=st.integers(1, 5000), waits=waits, greed=st.integers(1, 400))
def test_no_second_holds_more_than_the_cap(rate: int, waits: list[float], greed: int) -> None:
    """However often and greedily it is asked, and however long it stalls between."""
    clock = Clock()
    bucket = TokenBucket(rate, clock)
    events = []
    for wait in waits:
        clock.now += wait
        sent = min(greed, bucket.available())
        bucket.charge(sent)
        events.append((clock.now, sent))

    assert most_in_a_second(events) <= rate


@given(rate=st.integers(1, 100_000))
def test_burst_is_small_and_refill_below_the_cap(rate: int) -> None:
    """At most 50 ms of the rate at once, or one packet."""
    burst, refill = limits(rate)

    assert 1 <= burst <= max(1, rate * 0.05)
    assert burst + refill < rate + 1
    assert refill > 0


def test_nothing_is_caught_up_after_a_stall(clock: Clock) -> None:
    """An hour's suspension gives a burst, not an hour's packets."""
    bucket = TokenBucket(1000, clock)
    clock.now += 3600

    assert bucket.available() == 1000 * BURST_SECONDS


def test_whole_rate_is_used_when_always_asked(clock: Clock) -> None:
    """Politeness costs no more than a few per cent of the rate that was allowed."""
    bucket = TokenBucket(1000, clock)
    sent = 0
    for _ in range(10_000):
        clock.now += 0.001
        now = bucket.available()
        bucket.charge(now)
        sent += now

    assert 9_500 <= sent <= 10_000


def test_debt_halts_the_rest(clock: Clock) -> None:
    """Packets that leave without asking are paid off before others go."""
    bucket = TokenBucket(100, clock)
    clock.now += 1
    bucket.charge(bucket.available() + 50)

    assert bucket.available() == 0
    clock.now += bucket.wait(1)
    clock.now += EDGE
    assert bucket.available() == 1


def test_rate_can_be_lowered_and_raised(clock: Clock) -> None:
    """A lower rate holds at once; at nothing, nothing goes."""
    bucket = TokenBucket(1000, clock)
    clock.now += 1
    bucket.set_rate(10)
    assert bucket.available() == 1
    bucket.set_rate(0)
    bucket.charge(1)
    clock.now += 100
    assert bucket.available() == 0
    assert bucket.wait(1) == float("inf")
    bucket.set_rate(1000)
    clock.now += 1
    assert bucket.available() == 20


@given(total=st.integers(0, 100_000), slots=st.integers(1, 200))
def test_shares_add_up_to_the_whole(total: int, slots: int) -> None:
    """Slots together have the plan's cap, not a packet more or less."""
    assert sum(share(total, slots, slot) for slot in range(slots)) == total


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
    monkeypatch.setattr("survey.engine.pacing.PRUNE_AT", 100)
    neighbourhoods = Neighbourhoods(1.0, 1, 0)
    for number in range(1000):
        neighbourhoods.enter(number << 8, clock.now)
        clock.now += 0.1

    assert len(neighbourhoods._due) <= 101


def test_meter_finds_the_fullest_second() -> None:
    """A sliding second, not the clock's."""
    meter = Meter()
    for at, packets in [(0.0, 5), (0.9, 10), (1.1, 10), (3.0, 12)]:
        meter.count(packets, at)

    assert (meter.total, meter.peak, meter.last) == (37, 20, 3.0)


def test_conversations_are_paid_in_full_before_they_begin(clock: Clock, run_virtually: Run) -> None:
    """A conversation of more packets than a burst waits, and the cap holds all the while."""
    pacer = Pacer(20, Neighbourhoods(1000.0, 1, 0), clock)

    async def talk() -> list[float]:
        starts = []
        for number in range(4):
            await pacer.admit(number << 8, 15)
            starts.append(clock.now)
        return starts

    starts = run_virtually(talk())

    assert pacer.meter.total == 60
    assert pacer.meter.peak <= 20
    assert starts[-1] - starts[0] >= 45 / 20


def test_discovery_yields_to_a_conversation_that_pays(clock: Clock, run_virtually: Run) -> None:
    """Found targets are tested before new ones are looked for."""
    pacer = Pacer(10, Neighbourhoods(1000.0, 1, 0), clock)

    async def both() -> list[int]:
        await asyncio.sleep(1)
        spare = [pacer.spare()]
        admitted = asyncio.create_task(pacer.admit(1 << 8, 5))
        await asyncio.sleep(0.1)
        spare.append(pacer.spare())
        await admitted
        await asyncio.sleep(1)
        return [*spare, pacer.spare()]

    assert run_virtually(both()) == [1, 0, 1]


def test_conversations_with_one_24_are_spread(clock: Clock, run_virtually: Run) -> None:
    """A second conversation with a /24 waits for its time, however fast the cap is."""
    pacer = Pacer(100_000, Neighbourhoods(2.0, 1, 0), clock)
    starts: list[float] = []

    async def talk() -> None:
        await pacer.admit(0xC0000201, 1)
        starts.append(clock.now)

    async def all_at_once() -> None:
        await asyncio.gather(*(talk() for _ in range(6)))

    run_virtually(all_at_once())

    assert all(later - earlier >= 0.5 for earlier, later in pairwise(sorted(starts)))


def test_pause_holds_everything_back(clock: Clock, run_virtually: Run) -> None:
    """Nothing new begins until it may go on."""
    pacer = Pacer(1000, Neighbourhoods(1000.0, 1, 0), clock)
    pacer.pause(paused=True)
    seen: Counter[str] = Counter()

    async def talk() -> None:
        await pacer.admit(1 << 8, 2)
        seen["talked"] += 1

    async def pause_and_go_on() -> None:
        task = asyncio.create_task(talk())
        await asyncio.sleep(60)
        seen["spare"] += pacer.spare()
        assert not seen["talked"]
        pacer.pause(paused=False)
        await task

    run_virtually(pause_and_go_on())

    assert seen == Counter(talked=1)
    assert pacer.meter.total == 2


@pytest.mark.parametrize("rate", [4, 40, 400])
def test_no_second_holds_more_than_the_cap_when_all_conversations_end_at_once(
    clock: Clock, run_virtually: Run, rate: int
) -> None:
    """Packets leave long after they were paid, and all goodbyes together: a stop, an opt-out."""
    dice = random.Random(rate)
    pacer = Pacer(rate, Neighbourhoods(1e6, 1, 0), clock)
    sent: list[float] = []

    def leave(packets: int) -> None:
        sent.extend([clock.now] * packets)
        pacer.left(packets)

    async def discover() -> None:
        while True:
            spare = pacer.spare()
            sent.extend([clock.now] * spare)
            pacer.charge(spare)
            await asyncio.sleep(0.005)

    async def talk() -> None:
        await pacer.admit(1 << 8, 13)
        sent.append(clock.now)
        pacer.begun()
        try:
            for _ in range(dice.randrange(12)):
                await asyncio.sleep(dice.uniform(1.0, 6.0))
                leave(1)
        finally:
            sent.append(clock.now)
            pacer.ended()

    async def live() -> None:
        discovery = asyncio.create_task(discover())
        for _ in range(6):
            talks = [asyncio.create_task(talk()) for _ in range(rate * 2)]
            await asyncio.sleep(40)
            for one in talks:
                one.cancel()
            await asyncio.gather(*talks, return_exceptions=True)
        discovery.cancel()

    run_virtually(live())

    assert fullest_second(sent) <= rate
    assert len(sent) > 240 * rate / 3


def test_conversations_leave_room_for_their_ends(clock: Clock, run_virtually: Run) -> None:
    """No more are begun at once than discovery can spare the room for."""
    pacer = Pacer(20, Neighbourhoods(1e6, 1, 0), clock)
    begun = 0

    async def talk() -> None:
        nonlocal begun
        await pacer.admit(1 << 8, 2)
        pacer.begun()
        begun += 1
        await asyncio.sleep(1000)

    async def crowd() -> None:
        talks = [asyncio.create_task(talk()) for _ in range(50)]
        await asyncio.sleep(60)
        for one in talks:
            one.cancel()

    run_virtually(crowd())

    assert begun == 20 // MOST
