"""How many new connections one slot may open into each /24 (law 5)."""

import time
from collections.abc import Callable

from survey.engine.bucket import limits

TURN_SECONDS = 2.5
"""Shortest turn of one slot in one /24, where slots must share less than a connection a second."""

TURN_GUARD = 1.5
"""Last seconds of a turn, unused: a second's window, and half a second between workers' clocks."""

PRUNE_AT = 100_000
"""Remembered /24s, after which those that are free again are forgotten."""


class Neighbourhoods:
    """New connections into each /24: a theoretical arrival time for each that is not free.

    ``per_second`` is the whole run's.  If each slot's part of it is a connection a second or more,
    the slots simply divide it.  If not, two slots could meet in one second; then they take turns in
    each /24, by the workers' wall clocks, which NTP must hold within TURN_GUARD - 1 s.
    """

    def __init__(
        self,
        per_second: float,
        slots: int,
        slot: int,
        wall: Callable[[], float] = time.time,
    ) -> None:
        assert per_second > 0
        self._takes_turns = slots > 1 and per_second < slots
        self._slots, self._slot, self._wall = slots, slot, wall
        self._turn = max(TURN_SECONDS, 1 / per_second)
        own = per_second if self._takes_turns else per_second / slots
        burst, refill = limits(int(own)) if own >= 1 else (1, own)
        self._interval = 1 / refill
        self._tolerance = (burst - 1) * self._interval
        self._due: dict[int, float] = {}
        self._prune_at = PRUNE_AT

    def enter(self, ip: int, now: float) -> float:
        """Open a connection into this address's /24 now: 0.0, or the seconds to wait instead."""
        key = ip >> 8
        due = self._due.get(key, 0.0)
        if due - self._tolerance > now:
            return due - self._tolerance - now
        if self._takes_turns and (wait := self._until_turn(key)):
            return wait
        self._due[key] = max(due, now) + self._interval
        if len(self._due) > self._prune_at:
            self._due = {key: due for key, due in self._due.items() if due > now}
            self._prune_at = max(PRUNE_AT, 2 * len(self._due))
        return 0.0

    def _until_turn(self, key: int) -> float:
        """Seconds until this slot's turn in that /24; 0.0 during its usable part."""
        turns, into = divmod(self._wall(), self._turn)
        ahead = (self._slot - int(turns) - key) % self._slots
        if ahead == 0 and into <= self._turn - TURN_GUARD:
            return 0.0
        return (ahead or self._slots) * self._turn - into
