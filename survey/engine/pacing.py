"""How fast one slot may send (law 5).

Everything here counts in one thread and is handed its clock.  Nothing ever catches up: what was
not sent during a stall is not sent faster after it.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable

from survey.engine.awaited import Awaited
from survey.engine.bucket import TokenBucket
from survey.engine.neighbourhoods import Neighbourhoods

SECOND = 1.002
"""A second and a little more, for a counter elsewhere sees our packets not all equally late."""

RESERVE = 2
"""Packets kept free for each conversation: a word that its server asks for, and the end."""

MOST = 4
"""A slot has no more conversations at once than this part of its rate: half of it stays free of
reserves, so that servers that keep us waiting do not keep discovery waiting."""

ROOM_WAIT = 0.01
"""Seconds until it is looked again whether there is room."""


def share(total: int, slots: int, slot: int) -> int:
    """One slot's part of a whole number; the parts of all slots add up to ``total`` exactly."""
    assert 0 <= slot < slots
    return total // slots + (slot < total % slots)


class Meter:
    """Counts the packets charged.

    Attributes:
        total: All of them.
        peak: Most in any one second.
        last: When the last were charged, seconds on the slot's clock.
    """

    def __init__(self) -> None:
        self.total = 0
        self.peak = 0
        self._recent: deque[tuple[float, int]] = deque()
        self._in_second = 0
        self.last = float("-inf")

    def count(self, packets: int, now: float) -> None:
        """Packets charged at ``now`` (seconds, never going back)."""
        recent = self._recent
        while recent and recent[0][0] <= now - 1:
            self._in_second -= recent.popleft()[1]
        recent.append((now, packets))
        self._in_second += packets
        self.total += packets
        self.last = now
        self.peak = max(self.peak, self._in_second)


class LastSecond:
    """Packets that have left within the last second, as far as we can tell."""

    def __init__(self) -> None:
        self._recent: deque[tuple[float, int]] = deque()
        self._sum = 0

    def count(self, packets: int, now: float) -> None:
        """So many leave at ``now``."""
        self._recent.append((now, packets))
        self._sum += packets

    def total(self, now: float) -> int:
        """How many have left in the second before ``now``."""
        while self._recent and self._recent[0][0] < now - SECOND:
            self._sum -= self._recent.popleft()[1]
        return self._sum

    def empty_in(self, now: float) -> float:
        """Seconds from ``now`` until none of them counts any more."""
        return max(0.0, self._recent[-1][0] + SECOND - now) if self._recent else 0.0


class Pacer:
    """One slot's whole permission to send, shared by discovery and conversations.

    Conversations go first: while one waits for its packets, discovery gets none.

    A conversation is paid before it begins, but its packets leave when its server answers, or when
    all of them are broken off at once.  So more rules hold whenever something new begins: what has
    left in the last second counts, for each conversation RESERVE packets are kept free, and so are
    those that answers to discovery may force from our kernel.

    Attributes:
        neighbourhoods: How many connections into each /24.
        meter: What was charged.
        awaited: Discovery's SYNs that may still be answered.
    """

    def __init__(
        self,
        rate: int,
        neighbourhoods: Neighbourhoods,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._rate, self._conversations = rate, 0
        self._last_second = LastSecond()
        self._bucket = TokenBucket(rate, clock)
        self._payment = asyncio.Lock()
        self._door = asyncio.Lock()
        self._fewer = asyncio.Event()
        self._paying = 0
        self.neighbourhoods = neighbourhoods
        self.meter = Meter()
        self.awaited = Awaited()
        self._going = asyncio.Event()
        self._going.set()

    @property
    def paused(self) -> bool:
        """Whether nothing new may begin."""
        return not self._going.is_set()

    def pause(self, *, paused: bool) -> None:
        """Let nothing new begin, or let it go on."""
        if paused:
            self._going.clear()
        else:
            self._going.set()

    def set_rate(self, rate: int) -> None:
        """This slot's packets/s from now on."""
        self._rate = rate
        self._bucket.set_rate(rate)
        self._fewer.set()

    def spare(self) -> int:
        """SYNs that discovery may send now."""
        if self.paused or self._paying:
            return 0
        return min(self._bucket.available(), self.awaited.fit(self._free()))

    def wait(self, packets: int) -> float:
        """Seconds until discovery may find that many packets spare."""
        fits = self.awaited.fit(self._free()) > 0
        return max(self._bucket.wait(packets), 0.0 if fits else ROOM_WAIT)

    def charge(self, packets: int) -> None:
        """Packets that have just left, or leave now through no choice of ours."""
        self._take(packets)
        self.left(packets)

    def begun(self) -> None:
        """A connection that was admitted is begun: its first packet leaves."""
        self._conversations += 1
        self.left(1)

    def left(self, packets: int) -> None:
        """Packets leave that were paid before."""
        self._last_second.count(packets, self._clock())

    def ended(self) -> None:
        """A connection ends: its last packet leaves."""
        self._conversations -= 1
        self.left(1)
        self._fewer.set()

    def quiet_in(self) -> float:
        """Seconds until the last second of this slot is over."""
        return self._last_second.empty_in(self._clock())

    async def admit(self, ip: int, packets: int) -> None:
        """Wait until a connection of ``packets`` packets to this address may begin, and charge it.

        All its packets are paid before the first leaves, in the pieces in which the cap allows
        them.  The /24 is entered last, at the moment of dialling.
        """
        if self._admit_at_once(ip, packets):
            return
        unpaid = packets
        while True:
            async with self._door:  # one at a time, in the order in which they came
                await self._find_place()
                await self.pay(unpaid)
                unpaid = 0
                await self._find_room()
                wait = self.neighbourhoods.enter(ip, self._clock())
            if not wait:
                return  # and begin at once, before anybody else comes through the door
            await asyncio.sleep(wait)

    def _admit_at_once(self, ip: int, packets: int) -> bool:
        """Whether nobody and nothing made it wait; the usual case at a high rate."""
        if self._door.locked() or self._paying or self.paused or self._full():
            return False
        if self._bucket.available() < packets or self._room() <= RESERVE:
            return False
        if self.neighbourhoods.enter(ip, self._clock()):
            return False
        self._take(packets)
        return True

    async def pay(self, packets: int) -> None:
        """Wait until so many packets fit into the cap, piece by piece, and charge them."""
        self._paying += 1
        try:
            async with self._payment:
                while packets:
                    await self._going.wait()
                    if part := min(packets, self._bucket.available()):
                        self._take(part)
                        packets -= part
                    else:
                        await asyncio.sleep(min(1.0, max(0.001, self._bucket.wait(packets))))
        finally:
            self._paying -= 1

    async def _find_place(self) -> None:
        """Wait until one more conversation may be held at once; discovery goes on meanwhile."""
        while self._full():
            self._fewer.clear()
            await self._fewer.wait()

    async def _find_room(self) -> None:
        """Wait until its packets fit into the last second, and nothing is paused."""
        self._paying += 1
        try:
            while True:
                await self._going.wait()
                if self._room() > (RESERVE if self._conversations else 0):
                    return
                await asyncio.sleep(ROOM_WAIT)
        finally:
            self._paying -= 1

    def _full(self) -> bool:
        return self._conversations >= max(1, self._rate // MOST)

    def _room(self) -> int:
        """Packets that may leave now with all that may be forced upon us still within the cap."""
        return self._free() - self.awaited.forced()

    def _free(self) -> int:
        """The same, without what answers to discovery may force."""
        reserved = self._conversations * RESERVE
        return self._rate - self._last_second.total(self._clock()) - reserved

    def _take(self, packets: int) -> None:
        self._bucket.charge(packets)
        self.meter.count(packets, self._clock())
