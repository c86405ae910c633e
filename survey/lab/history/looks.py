"""What a look at each stand says at a moment."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from survey.lab.history.servers import FIXED, Days, Flags, Numbers, Stands

TIMEOUTS = 0.03
"""Share of looks that have no answer for no reason."""

FLAPS = 0.4
"""Share of servers that refuse once, for an hour, in a scan that finds them open."""

FLAP_WEEKS = 26
"""Weeks from one such chance to the next; there must be no two refusals without a proof between."""


class Said(IntEnum):
    """What came of it."""

    NOTHING = 0
    """No answer."""
    OPEN = 1
    """It did a stranger's wish."""
    DENIED = 2
    """It answered, and said no."""
    SHUT = 3
    """Nothing listens on the port."""


@dataclass(frozen=True, slots=True, eq=False)
class Looks:
    """Looks at some stands.

    Attributes:
        stand: Which.
        days: When, days from the first run.
        said: What came of it.
    """

    stand: Numbers
    days: Days
    said: Numbers

    def where(self, kept: Flags) -> "Looks":
        """Some of them."""
        return Looks(self.stand[kept], self.days[kept], self.said[kept])


def look(
    rng: np.random.Generator, stands: Stands, which: Numbers, days: Days, *, flapping: int = -1
) -> Looks:
    """Look at some stands, each at its moment.

    Args:
        rng: Chance.
        stands: All of them.
        which: Places of those that are looked at.
        days: When each is.
        flapping: In a scan, its week: then a few that are open refuse.
    """
    whole = np.zeros(len(stands))
    whole[which] = days
    is_open = stands.open_at(whole)[which]
    before = days < stands.opens[which]
    fixed = ~before & ~is_open & (stands.why[which] == FIXED)
    said = np.full(len(which), int(Said.NOTHING))
    said[is_open] = Said.OPEN
    said[before & stands.closed_before[which]] = Said.DENIED
    said[fixed] = np.where(stands.refuses[which][fixed], int(Said.SHUT), int(Said.DENIED))
    gone = ~before & ~is_open & ~fixed
    said[gone & stands.taken[which]] = Said.SHUT
    if flapping >= 0:
        turn = stands.server[which] % FLAP_WEEKS == flapping % FLAP_WEEKS
        said[is_open & turn & (rng.random(len(which)) < FLAPS)] = Said.DENIED
    silent = (stands.silent_from[which] <= days) & (days < stands.silent_until[which])
    silent |= rng.random(len(which)) < TIMEOUTS
    said[silent] = Said.NOTHING
    return Looks(which, days, said)
