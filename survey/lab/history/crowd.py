"""Hosts that answer and are never open: most of what a survey sees."""

from dataclasses import dataclass

import numpy as np

from survey.lab.history.rows import Rows, crowd_rows, microseconds
from survey.lab.history.scale import FIRST_ADDRESS, Scale
from survey.lab.history.servers import PROBES, Flags, Numbers

PRESENT = 0.95
"""Share of them that answers in a week."""

BUSY = 0.1
"""Share of them that say nothing that counts."""

_SHARES = (0.45, 0.1, 0.3, 0.1, 0.05)


@dataclass(frozen=True, slots=True, eq=False)
class Crowd:
    """Where they are, what they run, and whether they say anything that counts."""

    ip: Numbers
    service: Numbers
    busy: Flags

    def seen(self, rng: np.random.Generator, began: float) -> Rows:
        """What they say to the scan that began on a day."""
        here = rng.random(len(self.ip)) < PRESENT
        days = began + rng.random(len(self.ip)) / 3
        return crowd_rows(
            self.ip[here], self.service[here], microseconds(days[here]), self.busy[here]
        )


def make_crowd(scale: Scale) -> Crowd:
    """Each at an odd address of its own; servers have the even ones."""
    rng = np.random.default_rng([3, *scale.seed.encode()])
    places = rng.choice(scale.addresses // 2, scale.crowd, replace=False)
    return Crowd(
        ip=np.sort(FIRST_ADDRESS + 1 + 2 * places.astype(np.int64)),
        service=rng.choice(len(PROBES), scale.crowd, p=_SHARES),
        busy=rng.random(scale.crowd) < BUSY,
    )
