"""How a scan stands: from receipts of what is committed and reports of what is under way."""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from survey.flows.optout_lag import InForce
from survey.model.assignment import Progress, Receipt

RATE_SECONDS = 3.0
"""The rate now is that of the last so many seconds."""

ETA_SECONDS = 60.0
"""The time left is told from the pace of the last so many seconds."""


class State(StrEnum):
    """What a scan is doing."""

    WAITING = "waiting"
    """For a lease of a coordinator before this one to be over, or for workers."""
    RUNNING = "running"
    PAUSED = "paused"
    STOPPING = "stopping"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class ScanStatus:
    """How a scan stands at one moment; counts only, nothing about a host.

    Attributes:
        state: What it is doing.
        planned: Targets of the plan.
        done: Targets decided, committed or under way.
        found: Of those, accepted the connection.
        rate: Packets/s now.
        cap: Packets/s at most now.
        eta: Seconds left, or None while that can't be told.
        shards: Shards of the plan.
        committed: Shards committed.
        running: Shards under way.
        retries: Times that a shard must be handed out again, or was, since the run began.
        repeated: Targets that may have been dialled more than once for that: at most so many, since
            it is not known how far a worker got that was lost.
        resting: Slots of lost workers, not granted until their leases are surely over.
        silence: Seconds since the worker asked for its lease that has been silent longest.
        optouts: Entries of the opt-out log.
        optouts_obeyed: Of those, in force in every worker that may still send.
        optouts_lag: Seconds from the newest entry that came during the scan until the last worker
            obeyed it; None if none came.
        optouts_worst_lag: The same, of the entry that took longest.
    """

    state: State
    planned: int
    done: int
    found: int
    rate: float
    cap: int
    eta: float | None
    shards: int
    committed: int
    running: int
    retries: int
    repeated: int
    resting: int
    silence: float
    optouts: int
    optouts_obeyed: int
    optouts_lag: float | None
    optouts_worst_lag: float | None


class Standing:
    """Adds up; reports may come in any thread, and late.

    Args:
        planned: Targets of the plan.
        shards: Shards of the plan.
        receipts: Of what was committed before.
        handed: How often each shard was handed out before.
        clock: Seconds, monotonic.
    """

    def __init__(
        self,
        planned: int,
        shards: int,
        receipts: Iterable[Receipt],
        handed: Mapping[int, int],
        clock: Callable[[], float],
    ) -> None:
        self._planned, self._shards, self._clock = planned, shards, clock
        self._each = -(-planned // max(1, shards))
        self._lock = threading.Lock()
        self._live: dict[int, Progress] = {}
        self._done = self._found = self._packets = self._committed = 0
        self._history: deque[tuple[float, int, int]] = deque()
        self.retries = sum(handed.values())
        for receipt in receipts:
            self._add(receipt)
            self.retries -= 1 if handed.get(receipt.shard) else 0
        self._repeated = self.retries * self._each
        self._packets = 0

    def begin(self, shard: int, attempt: int) -> None:
        """A shard was handed out; reports of it count from now on."""
        with self._lock:
            self._live[shard] = Progress(shard, attempt, 0, 0, 0, 0, 0, 0)

    def note(self, progress: Progress) -> None:
        """A report of a shard under way; of any other it is too late and passed over."""
        with self._lock:
            live = self._live.get(progress.shard)
            if live is not None and live.attempt == progress.attempt:
                self._live[progress.shard] = progress

    def commit(self, receipt: Receipt) -> None:
        """A shard came back."""
        with self._lock:
            self._live.pop(receipt.shard, None)
            self._add(receipt)

    def lose(self, shard: int) -> None:
        """A shard is not under way any more; what it did counts for nothing but its packets."""
        with self._lock:
            lost = self._live.pop(shard, None)
            if lost is not None:
                self._packets += lost.packets
                self._repeated += lost.planned or self._each

    def status(
        self, state: State, cap: int, *, optouts: InForce, silence: float, resting: int
    ) -> ScanStatus:
        """How it stands now."""
        with self._lock:
            live = list(self._live.values())
            done = min(self._planned, self._done + sum(one.done for one in live))
            packets = self._packets + sum(one.packets for one in live)
            now = self._clock()
            self._history.append((now, packets, done))
            while self._history[0][0] < now - ETA_SECONDS:
                self._history.popleft()
            return ScanStatus(
                state=state,
                planned=self._planned,
                done=done,
                found=self._found + sum(one.found for one in live),
                rate=self._pace(now, RATE_SECONDS, 1),
                cap=cap,
                eta=self._eta(now, done),
                shards=self._shards,
                committed=self._committed,
                running=len(live),
                retries=self.retries,
                repeated=self._repeated,
                resting=resting,
                silence=round(silence, 1),
                optouts=optouts.known,
                optouts_obeyed=optouts.obeyed,
                optouts_lag=_tenths(optouts.lag),
                optouts_worst_lag=_tenths(optouts.worst_lag),
            )

    def _add(self, receipt: Receipt) -> None:
        self._done += receipt.planned
        self._found += receipt.open
        self._packets += receipt.packets
        self._committed += 1

    def _pace(self, now: float, seconds: float, column: int) -> float:
        """Growth per second of a column of the history over its last ``seconds``."""
        newest = self._history[-1]
        oldest = next(entry for entry in self._history if entry[0] >= now - seconds)
        passed = newest[0] - oldest[0]
        return max(0.0, (newest[column] - oldest[column]) / passed) if passed > 0 else 0.0

    def _eta(self, now: float, done: int) -> float | None:
        pace = self._pace(now, ETA_SECONDS, 2)
        return (self._planned - done) / pace if pace > 0 else None


def _tenths(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)
