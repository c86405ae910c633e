"""Targets as columns, on their way out: fresh ones, and those whose network or host is busy."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from survey.engine.syn.cookie import Ports
from survey.engine.syn.networks import Times
from survey.engine.syn.siphash import Words
from survey.targets.places import PlaceNumbers
from survey.targets.ranges import Ips

Rows = slice | NDArray[np.bool_] | NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Targets:
    """Some targets of a shard, one in each row of every column.

    Attributes:
        places: Their places in the shard's books.
        ips: Their addresses.
        ports: Their ports.
        marks: Their cookies' marks.
    """

    places: PlaceNumbers
    ips: Ips
    ports: Ports
    marks: Words

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, rows: Rows) -> "Targets":
        return Targets(self.places[rows], self.ips[rows], self.ports[rows], self.marks[rows])


NOBODY = Targets(
    np.zeros(0, np.int64), np.zeros(0, np.uint32), np.zeros(0, np.uint16), np.zeros(0, np.uint64)
)


def join(parts: list[Targets]) -> Targets:
    """All of them, in this order."""
    parts = [part for part in parts if len(part)]
    if len(parts) <= 1:
        return parts[0] if parts else NOBODY
    return Targets(
        np.concatenate([part.places for part in parts]),
        np.concatenate([part.ips for part in parts]),
        np.concatenate([part.ports for part in parts]),
        np.concatenate([part.marks for part in parts]),
    )


class Waiting:
    """Targets that are not decided yet and not in the air.

    Args:
        batches: The fresh ones, read as they are needed.

    Attributes:
        due: When the next deferred one may go; None if there is none.
    """

    def __init__(self, batches: Iterator[Targets]) -> None:
        self._batches = batches
        self._fresh = self._deferred = NOBODY
        self._times: Times = np.zeros(0)
        self._more = True
        self.due: float | None = None

    @property
    def exhausted(self) -> bool:
        """Nothing is left here, and nothing will come."""
        return not (len(self._fresh) or len(self._deferred) or self._more)

    @property
    def deferred(self) -> int:
        """How many targets wait for their time."""
        return len(self._deferred)

    def take(self, count: int, now: float, *, only_deferred: bool = False) -> Targets:
        """At most ``count`` targets to send to right away; those first whose time has come."""
        parts = [self._take_due(count, now)]
        count -= len(parts[0])
        while count and not only_deferred and (len(self._fresh) or self._refill()):
            parts.append(self._fresh[:count])
            self._fresh = self._fresh[count:]
            count -= len(parts[-1])
        return join(parts)

    def defer(self, targets: Targets, until: Times) -> None:
        """Take back targets that can't be sent to before a time of their own."""
        if len(targets):
            self._deferred = join([self._deferred, targets])
            self._times = np.concatenate((self._times, until))
            self.due = float(self._times.min())

    def _take_due(self, count: int, now: float) -> Targets:
        if self.due is None or self.due > now:
            return NOBODY
        ready = np.flatnonzero(self._times <= now)
        ready = ready[np.argsort(self._times[ready], kind="stable")[:count]]
        taken = self._deferred[ready]
        rest = np.ones(len(self._times), dtype=bool)
        rest[ready] = False
        self._deferred, self._times = self._deferred[rest], self._times[rest]
        self.due = float(self._times.min()) if len(self._times) else None
        return taken

    def _refill(self) -> bool:
        for batch in islice(self._batches, 1):
            self._fresh = batch
            return True
        self._more = False
        return False
