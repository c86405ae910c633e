"""The cap on new connections into each /24, for many targets at once.

The same limiter as ``pacing.Neighbourhoods``, whose terms it keeps; only the theoretical arrival
times are a column here, so that a thousand SYNs cost no thousand look-ups.
"""

import time
from bisect import bisect_left
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from survey.engine.neighbourhoods import TURN_GUARD, Neighbourhoods
from survey.targets.ranges import Ips

Times = NDArray[np.float64]


class NetworkColumns(Neighbourhoods):
    """New connections into each /24 of one shard.

    Args:
        per_second: Connections per second of the whole run into one /24.
        slots: How many slots share it.
        slot: Which one this is.
        ips: The shard's addresses; a network is known by its rank among theirs.
        wall: Seconds, the same for all workers.

    Attributes:
        of: For each of ``ips``, its network's rank.
    """

    def __init__(
        self,
        per_second: float,
        slots: int,
        slot: int,
        ips: Ips,
        wall: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(per_second, slots, slot, wall)
        networks, ranks = np.unique(ips >> np.uint32(8), return_inverse=True)
        self.of: NDArray[np.integer] = ranks.astype(np.min_scalar_type(len(networks)))
        self._networks, self._view = networks, networks.data
        self._free_at: Times = np.zeros(len(networks))

    def enter(self, ip: int, now: float) -> float:
        """Open a connection into this address's /24 now: 0.0, or the seconds to wait instead."""
        rank = bisect_left(self._view, ip >> 8)
        if rank == len(self._view) or self._view[rank] != ip >> 8:
            return super().enter(ip, now)
        return float(self.enter_all(np.array([rank]), now)[0])

    def enter_all(self, ranks: NDArray[np.integer], now: float) -> Times:
        """As ``enter``, for one address of each of these networks, in this order."""
        order = np.argsort(ranks, kind="stable")
        grouped = ranks[order]
        before = _times_seen_before(grouped)
        due = np.maximum(self._free_at[grouped], now) + before * self._interval
        waits = np.maximum(due - self._tolerance - now, 0.0)
        if self._takes_turns:
            waits = np.maximum(waits, self._until_turns(grouped))
        entered = waits <= 0
        # of several entries of one network the last is the latest, and the last one stays
        self._free_at[grouped[entered]] = due[entered] + self._interval
        result: Times = np.empty(len(waits))
        result[order] = waits
        return result

    def _until_turns(self, ranks: NDArray[np.integer]) -> Times:
        """As ``_until_turn``, for each of these networks."""
        turns, into = divmod(self._wall(), self._turn)
        keys = self._networks[ranks].astype(np.int64)
        ahead = (self._slot - int(turns) - keys) % self._slots
        usable = (ahead == 0) & (into <= self._turn - TURN_GUARD)
        waits: Times = np.where(ahead == 0, self._slots, ahead) * self._turn - into
        return np.where(usable, 0.0, waits)


def _times_seen_before(grouped: NDArray[np.integer]) -> NDArray[np.intp]:
    """How many equal ones stand before each, where equal ones stand together."""
    places = np.arange(len(grouped))
    starts = np.ones(len(grouped), dtype=bool)
    starts[1:] = grouped[1:] != grouped[:-1]
    return places - np.maximum.accumulate(np.where(starts, places, 0))
