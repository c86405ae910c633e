"""Where each target of a shard stands: not sent, in the air, or what it answered first.

One byte a target.  The first answer in time counts, and once; later ones are only counted.
"""

from collections import deque

import numpy as np
from numpy.typing import NDArray

from survey.engine.discovery import Heard
from survey.engine.syn.answers import Said
from survey.targets.places import PlaceNumbers

_NOT_SENT, _IN_AIR, _SILENT = 0, 8, 9  # what was said is 1 to 3


class Books:
    """Keeps the state of ``size`` targets.

    Attributes:
        in_air: How many were sent and are not decided.
        heard: What changed nothing.
    """

    def __init__(self, size: int) -> None:
        self._states: NDArray[np.uint8] = np.zeros(size, dtype=np.uint8)
        self._launches: deque[tuple[float, PlaceNumbers]] = deque()
        self.in_air = 0
        self.heard = Heard()

    @property
    def oldest(self) -> float | None:
        """When the oldest SYN left that may still be in the air."""
        return self._launches[0][0] if self._launches else None

    def launch(self, places: PlaceNumbers, now: float) -> None:
        """These targets have just been sent their SYN; none of them had one before."""
        assert not self._states[places].any(), "a second SYN to a target"
        self._states[places] = _IN_AIR
        self._launches.append((now, places))
        self.in_air += len(places)

    def settle(self, places: PlaceNumbers, said: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Proven answers; which rows of them decide their target."""
        states = self._states[places]
        deciding: NDArray[np.bool_] = states == _IN_AIR
        if _has_twins(places[deciding]):
            rows = np.flatnonzero(deciding)
            _, first = np.unique(places[rows], return_index=True)
            deciding = np.zeros(len(places), dtype=bool)
            deciding[rows[first]] = True
        decided, late = int(np.count_nonzero(deciding)), int(np.count_nonzero(states == _SILENT))
        self.heard.late += late
        self.heard.repeated += len(places) - decided - late
        self._states[places[deciding]] = said[deciding]
        self.in_air -= decided
        return deciding

    def give_up(self, before: float) -> PlaceNumbers:
        """Whoever was sent a SYN before that moment and has not answered is silent now."""
        late = []
        while self._launches and self._launches[0][0] <= before:
            _, places = self._launches.popleft()
            late.append(places[self._states[places] == _IN_AIR])
        silent = np.concatenate(late) if late else np.zeros(0, dtype=np.int64)
        self._states[silent] = _SILENT
        self.in_air -= len(silent)
        return silent


def _has_twins(places: PlaceNumbers) -> bool:
    """Whether one stands there twice; sorting costs a seventh of finding out which."""
    ordered = np.sort(places)
    return bool((ordered[1:] == ordered[:-1]).any())


assert not {_NOT_SENT, _IN_AIR, _SILENT} & {Said.OPEN, Said.REFUSED, Said.UNREACHABLE}
