"""A slot's discovery and conversations together stay within its rate in every second (law 5)."""

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
from virtual_time import VirtualClock as Clock

from survey.engine.neighbourhoods import Neighbourhoods
from survey.engine.pacing import MOST, Meter, Pacer, share

Run = Callable[[Coroutine[Any, Any, Any]], Any]


@given(total=st.integers(0, 100_000), slots=st.integers(1, 200))
def test_shares_add_up_to_the_whole(total: int, slots: int) -> None:
    """Slots together have the plan's cap, not a packet more or less."""
    assert sum(share(total, slots, slot) for slot in range(slots)) == total


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
