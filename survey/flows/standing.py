"""How a scan stands: from receipts of what is committed and reports of what is under way."""

import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from survey.flows.optout_lag import InForce
from survey.flows.stop_rules import Sample
from survey.model.assignment import Progress, Receipt

RATE_SECONDS = 3.0
"""The rate now is that of the last so many seconds."""

ETA_SECONDS = 60.0
"""The time left is told from the pace of the last so many seconds."""


_SUMS = (
    *("found", "sent", "refused", "silent", "unreachable", "conversations", "aborted"),
    *("rechecked", "reopened", "missed"),
)
"""Counts that receipts and reports have in common; a receipt calls what was found ``open``."""

_REPORTED = ("shortages", "checks")
"""Counts that only reports have."""


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
        reason: Why the scan pauses by itself, or "".
        sent: Targets dialled; = found + refused + silent + unreachable, but for those in the air.
        refused: Answered with a reset.
        silent: Did not answer in time.
        unreachable: Reported unreachable.
        conversations: Tests of open targets that came to an end.
        aborted: Of those, broken off by an opt-out or a stop.
        in_flight: Connects and conversations in the air now.
        failures: How conversations of this coordinator's shards ended early, by kind.
        shortages: Times that a worker's machine could not send.
        canary_ill: Workers that find the canary out of order.
        checks: Times that a worker of this coordinator found all controls as we know them.
        slots: Shares of the cap.
        packets: Packets charged, those of lost shards included.
        rechecked: Targets that were dialled a second time, to tell what one look misses.
        reopened: Of those, accepted the second connection.
        missed: Of those again, had not accepted the first.
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
    reason: str = ""
    sent: int = 0
    refused: int = 0
    silent: int = 0
    unreachable: int = 0
    conversations: int = 0
    aborted: int = 0
    in_flight: int = 0
    failures: Mapping[str, int] = field(default_factory=dict)
    shortages: int = 0
    canary_ill: int = 0
    checks: int = 0
    slots: int = 0
    packets: int = 0
    rechecked: int = 0
    reopened: int = 0
    missed: int = 0


@dataclass(frozen=True, slots=True)
class Leasing:
    """How leases and slots stand.

    Attributes:
        cap: Packets/s at most now.
        slots: Shares of it.
        resting: Of those, kept from everybody until a lost lease is surely over.
        silence: Seconds since the worker asked that has been silent longest.
        optouts: How far the opt-outs have got.
        reason: Why the scan pauses by itself, or "".
    """

    cap: int
    slots: int
    resting: int
    silence: float
    optouts: InForce
    reason: str


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
        self._past: Counter[str] = Counter()
        self._failures: Counter[str] = Counter()
        self._history: deque[tuple[float, int, int]] = deque()
        self.retries = sum(handed.values())
        for receipt in receipts:
            self._add(receipt)
            self.retries -= 1 if handed.get(receipt.shard) else 0
        self._repeated = self.retries * self._each
        self._packets = 0
        self._before = Counter(self._past)
        self._gone: Counter[str] = Counter()

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
            last = self._live.pop(receipt.shard, None)
            if last is not None:
                self._failures.update(dict(last.failures))
                self._past.update({name: getattr(last, name) for name in _REPORTED})
            self._add(receipt)

    def lose(self, shard: int) -> None:
        """A shard is not under way any more; what it did counts for nothing but its packets."""
        with self._lock:
            lost = self._live.pop(shard, None)
            if lost is not None:
                self._packets += lost.packets
                self._gone.update({name: getattr(lost, name) for name in (*_SUMS, *_REPORTED)})
                self._repeated += lost.planned or self._each

    def sample(self) -> Sample:
        """What this coordinator's shards have seen so far, lost ones too, for the stop rules."""
        with self._lock:
            sums = self._sums(list(self._live.values()))
            sums.update(self._gone)
            sums.subtract(self._before)
            return Sample(
                at=self._clock(),
                sent=sums["sent"],
                answered=sums["found"] + sums["refused"],
                opened=sums["found"],
                unreachable=sums["unreachable"],
                shortages=sums["shortages"],
                canary_ill=sum(one.canary_ill for one in self._live.values()),
            )

    def status(self, state: State, leasing: Leasing) -> ScanStatus:
        """How it stands now."""
        with self._lock:
            live = list(self._live.values())
            sums, optouts = self._sums(live), leasing.optouts
            failures = sum((Counter(dict(one.failures)) for one in live), self._failures)
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
                cap=leasing.cap,
                eta=self._eta(now, done),
                shards=self._shards,
                committed=self._committed,
                running=len(live),
                retries=self.retries,
                repeated=self._repeated,
                resting=leasing.resting,
                silence=round(leasing.silence, 1),
                optouts=optouts.known,
                optouts_obeyed=optouts.obeyed,
                optouts_lag=_tenths(optouts.lag),
                optouts_worst_lag=_tenths(optouts.worst_lag),
                reason=leasing.reason,
                **{name: sums[name] for name in _SUMS if name != "found"},
                in_flight=sum(one.running for one in live),
                failures=dict(sorted(failures.items())),
                **{name: sums[name] for name in _REPORTED},
                canary_ill=sum(one.canary_ill for one in live),
                slots=leasing.slots,
                packets=packets,
            )

    def _add(self, receipt: Receipt) -> None:
        self._done += receipt.planned
        self._found += receipt.open
        self._packets += receipt.packets
        self._committed += 1
        self._past["found"] += receipt.open
        self._past.update({name: getattr(receipt, name) for name in _SUMS if name != "found"})

    def _sums(self, live: Iterable[Progress]) -> Counter[str]:
        """Counts of all shards, committed and under way."""
        sums = Counter(self._past)
        for one in live:
            sums.update({name: getattr(one, name) for name in (*_SUMS, *_REPORTED)})
        return sums

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
