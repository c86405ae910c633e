"""Targets that get a row whatever they say: was what stood open closed, or is it only silent?

A scan writes down what answers.  Of a target that was proven open before, a refusal and a silence
count as well, and discovery keeps neither.  So those that it did not find open are tested all the
same, when it is over: each test dials once, through the same gate and within the same caps, and
leaves a row.
"""

import asyncio
from collections.abc import Callable

from survey.engine.method import OnOpen
from survey.targets.gate import Gate

LOOK = 0.05
"""Seconds between two looks whether more may be begun."""


class Watching:
    """The watched targets of one shard; it has to be told what discovery found.

    Args:
        targets: (address, port) pairs.
        gate: Who may be tested; asked right before, and at each dial again.
    """

    def __init__(self, targets: frozenset[tuple[int, int]], gate: Gate) -> None:
        self._targets, self._gate = targets, gate
        self._found: set[tuple[int, int]] = set()

    def noting(self, on_open: OnOpen) -> OnOpen:
        """The same for discovery, which is heard here, too."""

        def noted(ip: int, port: int) -> None:
            if (ip, port) in self._targets:
                self._found.add((ip, port))
            on_open(ip, port)

        return noted if self._targets else on_open

    async def run(self, add: OnOpen, holds: Callable[[], bool]) -> None:
        """Have those tested that were not found open, no faster than there is room.

        Raises:
            GateClosedError: The gate can't know who may be dialled.
        """
        for ip, port in sorted(self._targets - self._found):
            while holds():  # noqa: ASYNC110 - room, a lease and the canary tell nobody
                await asyncio.sleep(LOOK)
            if self._gate.permit(ip, port) is not None:
                add(ip, port)
