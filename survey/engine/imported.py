"""Which ports are open, as another scanner found: nothing is sent here.

The list was matched with the plan when that was frozen.  What is on it goes through the gate like
any target, and is handed on as open; what is not counts as silent, for nobody here knows better.
"""

import asyncio
import time
from collections.abc import Callable, Iterator

import numpy as np

from survey.engine.discovery import Heard, Tally
from survey.engine.supply import KeptBack
from survey.targets.gate import Gate
from survey.targets.places import PlaceNumbers, Places

CHUNK = 4096
"""Targets between two turns of the event loop."""

PAUSE = 0.02
"""Seconds between two looks whether there is room for another open target."""


class ImportedDiscovery:
    """Hands on what was found, as fast as it can be tested.

    Args:
        places: The shard's targets.
        found: Places that another scanner found open.
        gate: Who may be tested; asked right before.
        on_open: Called with address and port of each open target.
        holds: While it says True nothing is handed on (back-pressure, canary, lost lease).
    """

    def __init__(
        self,
        places: Places,
        found: PlaceNumbers,
        gate: Gate,
        *,
        on_open: Callable[[int, int], None],
        holds: Callable[[], bool],
    ) -> None:
        self._places, self._gate = places, gate
        self._on_open, self._holds = on_open, holds
        self._found = np.zeros(len(places), dtype=bool)
        self._found[found] = True
        self._batches = places.order(CHUNK)
        self.tally = Tally()
        self.heard = Heard()
        self.kept_back = KeptBack()
        self.in_air = 0

    async def run(self) -> None:
        """Hand on everything inside the running event loop.

        Raises:
            GateClosedError: The gate can't know who may be tested.
        """
        for rest in self._rests():
            await asyncio.sleep(rest)

    def run_alone(self) -> None:
        """Hand on everything without an event loop."""
        for rest in self._rests():
            time.sleep(rest)

    def close(self) -> None:
        """Nothing is in the air."""

    def _rests(self) -> Iterator[float]:
        """Do all of it, with seconds to rest in between."""
        for places in self._batches:
            while self._holds():
                yield PAUSE
            opened = self._found[places]
            self._count(places[~opened])
            for place in places[opened]:
                while self._holds():
                    yield PAUSE
                self._count(place.reshape(1))
            yield 0.0

    def _count(self, places: PlaceNumbers) -> None:
        ips, ports = self._places.targets(places)
        answer = self._gate.sort(ips)
        allowed = answer.allowed
        self.kept_back.excluded += int(np.count_nonzero(answer.excluded))
        self.kept_back.opted_out += int(np.count_nonzero(answer.opted_out))
        sent, opened = int(np.count_nonzero(allowed)), allowed & self._found[places]
        self.tally.sent += sent
        self.tally.open += int(np.count_nonzero(opened))
        self.tally.silent += sent - int(np.count_nonzero(opened))
        for ip, port in zip(ips[opened].tolist(), ports[opened].tolist(), strict=True):
            self._on_open(ip, port)
