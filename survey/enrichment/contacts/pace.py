"""How often a server is asked, and when it is left alone; one for all questions of a process."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from survey.enrichment.contacts.names import UnsureError

LEFT_ALONE = 300.0
"""Seconds without a question to a server that says it is busy, or does not answer any more."""
LONGEST_WAIT = 3600.0
"""However long a server asks us to wait, it is tried again after this."""
SILENCES = 3
"""Questions in a row without an answer, until a server is left alone."""


@dataclass(slots=True)
class _Server:
    """What is known of one server: seconds of the clock, and silences in a row."""

    next_turn: float = 0.0
    not_before: float = 0.0
    silences: int = 0


@dataclass(slots=True)
class Pace:
    """Turns at each server, evenly spread, and a bound on all of them together.

    Attributes:
        most: Questions that are asked at all.
        clock: Monotonic, seconds.
        sleep: Waits for seconds.
    """

    most: int
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    asked: int = 0
    _servers: dict[str, _Server] = field(default_factory=dict)

    def turn(self, server: str, per_minute: float) -> None:
        """Wait for one's turn at a server.

        Raises:
            UnsureError: It is left alone for now, or enough was asked.
        """
        one = self._servers.setdefault(server, _Server())
        now = self.clock()
        if now < one.not_before:
            raise UnsureError(f"{server} is left alone for now, since it was busy or silent")
        if self.asked >= self.most:
            raise UnsureError(f"{self.most:,} questions were asked, and that is the most at once")
        self.asked += 1
        if now < one.next_turn:
            self.sleep(one.next_turn - now)
        one.next_turn = max(one.next_turn, now) + 60 / per_minute

    def answered(self, server: str) -> None:
        """It does answer."""
        self._servers.setdefault(server, _Server()).silences = 0

    def silent(self, server: str) -> None:
        """It did not answer, once more."""
        one = self._servers.setdefault(server, _Server())
        one.silences += 1
        if one.silences >= SILENCES:
            one.silences = 0
            one.not_before = self.clock() + LEFT_ALONE

    def busy(self, server: str, seconds: float | None) -> None:
        """It asked us to wait so long; None: it did not say how long."""
        wait = LEFT_ALONE if seconds is None else min(max(seconds, 1.0), LONGEST_WAIT)
        self._servers.setdefault(server, _Server()).not_before = self.clock() + wait
