"""What discovery dials next: the shard's targets, sorted by the gate shortly before they go out."""

import heapq
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from socket import inet_ntoa

import numpy as np
from numpy.typing import NDArray

from survey.targets.gate import Gate
from survey.targets.shards import Batch

Target = tuple[int, tuple[str, int]]
"""An address as a number, and the same with the port as ``connect()`` wants it."""


@dataclass(slots=True)
class KeptBack:
    """Targets that were not dialled, by why."""

    excluded: int = 0
    opted_out: int = 0


class Supply:
    """Targets that may be dialled now; each leaves here once, as sent or as kept back.

    A batch holds about a second's work, so the gate's answer is about a second old at most; and
    when the gate's version changes, everything that is still here is sorted anew.
    """

    def __init__(self, batches: Iterator[Batch], gate: Gate) -> None:
        self._batches = batches
        self._gate = gate
        self._version = gate.version
        self._fresh: deque[Target] = deque()
        self._deferred: list[tuple[float, int, Target]] = []
        self._deferrals = 0
        self._more = True
        self.kept_back = KeptBack()

    @property
    def exhausted(self) -> bool:
        """Nothing is left here, and nothing will come."""
        return not (self._fresh or self._deferred or self._more)

    @property
    def deferred(self) -> int:
        """How many targets wait for their time."""
        return len(self._deferred)

    @property
    def due(self) -> float | None:
        """When the next deferred target may go; None if there is none."""
        return self._deferred[0][0] if self._deferred else None

    def take(self, count: int, now: float, *, only_deferred: bool = False) -> list[Target]:
        """At most ``count`` targets to dial right away; deferred ones whose time has come first.

        Raises:
            GateClosedError: The gate can't know; nothing may be sent.
        """
        if self._gate.version != self._version:
            self._sort_again()
        taken: list[Target] = []
        deferred = self._deferred
        while deferred and len(taken) < count and deferred[0][0] <= now:
            taken.append(heapq.heappop(deferred)[2])
        if only_deferred:
            return taken
        fresh = self._fresh
        while len(taken) < count and (fresh or self._refill()):
            wanted = min(count - len(taken), len(fresh))
            taken.extend([fresh.popleft() for _ in range(wanted)])
        return taken

    def defer(self, target: Target, until: float) -> None:
        """Take back a target that could not be dialled yet."""
        self._deferrals += 1
        heapq.heappush(self._deferred, (until, self._deferrals, target))

    def _refill(self) -> bool:
        for batch in islice(self._batches, 1):
            self._fresh.extend(self._sort(batch.ips, batch.ports))
            return True
        self._more = False
        return False

    def _sort(self, ips: NDArray[np.uint32], ports: NDArray[np.uint16]) -> list[Target]:
        answer = self._gate.sort(ips)
        excluded, opted_out = int(answer.excluded.sum()), int(answer.opted_out.sum())
        if excluded or opted_out:
            self.kept_back.excluded += excluded
            self.kept_back.opted_out += opted_out
            ips, ports = ips[answer.allowed], ports[answer.allowed]
        packed = ips.astype(">u4").tobytes()
        texts = [inet_ntoa(packed[at : at + 4]) for at in range(0, len(packed), 4)]
        return list(zip(ips.tolist(), zip(texts, ports.tolist(), strict=True), strict=True))

    def _sort_again(self) -> None:
        self._version = self._gate.version
        waiting = [(until, target) for until, _, target in self._deferred]
        targets = [target for _, target in waiting] + list(self._fresh)
        if not targets:
            return
        answer = self._gate.sort(np.array([ip for ip, _ in targets], dtype=np.uint32))
        self.kept_back.excluded += int(answer.excluded.sum())
        self.kept_back.opted_out += int(answer.opted_out.sum())
        allowed = answer.allowed.tolist()
        cut = len(waiting)
        self._fresh = deque(
            target for target, ok in zip(targets[cut:], allowed[cut:], strict=True) if ok
        )
        self._deferred = []
        for (until, target), ok in zip(waiting, allowed[:cut], strict=True):
            if ok:
                self.defer(target, until)
