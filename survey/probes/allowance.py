"""What one connection may cost in packets: paid before it is opened, and at once for what is more.

An honest peer costs what was measured.  One that sends its bytes in tiny pieces makes our kernel
acknowledge them piece by piece; that is paid as a debt, which halts everything else of the slot
until it is paid off (law 5), and has an end.
"""

from collections.abc import Callable

MOST_TIMES = 4
"""What a peer may cost at most, in times of what was paid beforehand."""

_AHEAD = 4
"""Packets that are paid before they leave: two that close, and two acknowledgements."""


class Allowance:
    """What one connection may cost.

    Args:
        packets: Paid for it already.
        charge: Told what leaves beyond that, through no choice of ours; None if nothing may.
        leave: Told what leaves when, of what was paid.
    """

    __slots__ = ("_charge", "_leave", "_most", "_paid", "_step")

    def __init__(
        self,
        packets: int,
        charge: Callable[[int], None] | None = None,
        leave: Callable[[int], None] | None = None,
    ) -> None:
        self._charge = charge
        self._leave = leave
        self._paid = packets
        self._step = max(_AHEAD, packets // 2)
        self._most = packets * MOST_TIMES if charge else packets

    def add(self, packets: int) -> None:
        """So many more were paid, for something that an honest peer may want."""
        self._paid += packets
        self._most += packets

    def leave(self, packets: int) -> None:
        """So many packets leave now, or may."""
        if self._leave is not None:
            self._leave(packets)

    def covers(self, sent: int) -> bool:
        """Whether a connection that has sent so many packets may go on; pays for what comes."""
        while self._charge and sent + _AHEAD > self._paid < self._most:
            more = min(self._step, self._most - self._paid)
            self._charge(more)
            self._paid += more
        return sent + _AHEAD <= self._paid
