"""What the answers that are still under way may force from our kernel, all at once.

Whoever accepts a SYN makes our kernel say something, at the moment that the answer comes and not
when there is room for it.  A path that stops for a tenth of a second brings a tenth of a second's
answers in one instant; were nothing kept free for them, that second would hold too many packets.
"""

from math import floor, sqrt

UNSEEN = 10
"""Hosts that are thought to accept before any was heard of: until then, each one may."""

SPREAD = 2.0
"""Standard deviations that may be accepted beyond what was to be expected."""


class Awaited:
    """SYNs of one slot that may still be answered.

    Hosts are asked in a random order, so those in the air accept as often as those before them.
    """

    def __init__(self) -> None:
        self._in_air = self._each = 0
        self._share = 1.0

    def stands(self, *, in_air: int, sent: int, accepted: int, each: int) -> None:
        """How discovery stands.

        Args:
            in_air: SYNs that may still be answered.
            sent: All that were sent.
            accepted: All that were accepted.
            each: Packets that one that is accepted forces from us.
        """
        self._in_air, self._each = in_air, each
        self._share = (accepted + UNSEEN) / (sent - in_air + UNSEEN)

    def forced(self) -> int:
        """Packets that may be forced from us at this moment."""
        expected = self._share * self._in_air + self._spread(self._in_air)
        return self._each * min(self._in_air, floor(expected))

    def fit(self, room: int) -> int:
        """How many more SYNs fit into so many packets, with all that may come of them."""
        if room <= 0:
            return 0
        expected = self._share * self._in_air + self._spread(self._in_air + room)
        most = floor((room - self._each * expected) / (1 + self._each * self._share))
        # a slot that may not even send what one open host costs still goes on, one by one
        return max(most, 0 if self._in_air else 1)

    def _spread(self, count: int) -> float:
        return SPREAD * sqrt(count * self._share * (1 - self._share))
