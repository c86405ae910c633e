"""The fixed shares of the cap, and who holds which (law 5).

A shard needs a slot, and there are never more than ``count``; so workers that join add no rate.  A
slot whose worker was lost may still be in use by it, for we can't know: it is granted again only
when the lost lease is surely over.
"""

from collections.abc import Callable


class Slots:
    """Grants slots 0 to ``count`` - 1, the lowest free one first.

    Args:
        count: How many there are.
        clock: Seconds, monotonic.
    """

    def __init__(self, count: int, clock: Callable[[], float]) -> None:
        assert count >= 1
        self.count = count
        self._free = set(range(count))
        self._granted: set[int] = set()
        self._quarantine: dict[int, float] = {}
        self._clock = clock

    @property
    def granted(self) -> int:
        """Slots in use by a shard that is not lost."""
        return len(self._granted)

    def grant(self) -> int | None:
        """A free slot, or None."""
        now = self._clock()
        over = [slot for slot, until in self._quarantine.items() if until <= now]
        for slot in over:
            del self._quarantine[slot]
            self._free.add(slot)
        if not self._free:
            return None
        slot = min(self._free)
        self._free.remove(slot)
        self._granted.add(slot)
        return slot

    def release(self, slot: int) -> None:
        """Its shard has come back: it sends nothing any more."""
        self._granted.remove(slot)
        self._free.add(slot)

    @property
    def resting(self) -> int:
        """Slots of lost workers that nobody gets yet."""
        return len(self._quarantine)

    def quarantine(self, slot: int, until: float) -> None:
        """Its worker was lost: nobody gets it until its lease is surely over."""
        self._granted.remove(slot)
        self._quarantine[slot] = until
