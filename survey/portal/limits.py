"""How often one may ask: each key, and whoever shows a key that is none."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from time import monotonic

_KEPT = 10_000
"""How many are kept in mind; the longest quiet ones are forgotten."""


class Limits:
    """A bucket for each name: so many at once, so many a second."""

    def __init__(
        self, per_second: float, at_once: float, clock: Callable[[], float] = monotonic
    ) -> None:
        self._rate, self._full, self._clock = per_second, at_once, clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def may(self, name: str) -> bool:
        """Whether it may once more; if so, that is counted."""
        now = self._clock()
        with self._lock:
            left, at = self._left.pop(name, (self._full, now))
            left = min(self._full, left + (now - at) * self._rate)
            self._left[name] = (left - 1 if left >= 1 else left), now
            if len(self._left) > _KEPT:
                self._left.popitem(last=False)
        return left >= 1

    @property
    def wait(self) -> int:
        """Seconds after which it may again, for sure."""
        return max(1, round(1 / self._rate))
