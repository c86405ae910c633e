"""What keeps a flood from filling the disk: beyond these bounds, events are only counted."""

from collections import OrderedDict
from dataclasses import dataclass, field

from survey.model.arrival import Arrival, ArrivalKind

_Same = tuple[str, ArrivalKind, bool]


@dataclass(slots=True)
class Floodgate:
    """Which events get a line of their own.

    Events without a token come from anybody, so they share a token bucket.  A valid token may be
    said again and again by the server that was given it, so each (token, kind, complete) gets so
    many lines; kinds are counted apart, so that repeating one can't hide another.

    Attributes:
        strangers_per_second: Lines per second for connections that brought no token.
        strangers_burst: Such lines at once.
        repeats: Lines for the same event of one token, while it is remembered.
        remembered: Tokens that are remembered, the latest.
        unlisted: Events that were only counted, since ``take``.
    """

    strangers_per_second: float = 2.0
    strangers_burst: int = 500
    repeats: int = 50
    remembered: int = 100_000
    unlisted: int = 0
    _left: float = field(default=-1.0, init=False)
    _then: float = field(default=0.0, init=False)
    _seen: OrderedDict[_Same, int] = field(default_factory=OrderedDict, init=False)

    def admits(self, arrival: Arrival, now: float) -> bool:
        """Whether the arrival gets a line at ``now`` (seconds, monotonic), or is only counted."""
        listed = self._repeat(arrival) if arrival.token else self._stranger(now)
        if not listed:
            self.unlisted += 1
        return listed

    def take(self) -> int:
        """Events that were only counted since the last call."""
        taken, self.unlisted = self.unlisted, 0
        return taken

    def _stranger(self, now: float) -> bool:
        if self._left < 0:
            self._left, self._then = float(self.strangers_burst), now
        gained = (now - self._then) * self.strangers_per_second
        self._left = min(float(self.strangers_burst), self._left + gained)
        self._then = now
        if self._left < 1:
            return False
        self._left -= 1
        return True

    def _repeat(self, arrival: Arrival) -> bool:
        same = (arrival.token, arrival.kind, arrival.complete)
        count = self._seen.pop(same, 0) + 1
        self._seen[same] = count
        if len(self._seen) > self.remembered:
            self._seen.popitem(last=False)
        return count <= self.repeats
