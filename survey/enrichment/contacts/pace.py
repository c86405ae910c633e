"""How often a server is asked, and when it is left alone; one for all questions of a process."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
    """Turns at each server, evenly spread, and a bound on all together; for any thread.

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
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def turn(self, server: str, per_minute: float) -> None:
        """Wait for one's turn at a server.

        Raises:
            UnsureError: It is left alone for now, or enough was asked.
        """
        with self._server(server) as one:
            now = self.clock()
            if now < one.not_before:
                raise UnsureError(f"{server} is left alone for now, since it was busy or silent")
            if self.asked >= self.most:
                raise UnsureError(
                    f"{self.most:,} questions were asked, and that is the most at once"
                )
            self.asked += 1
            turn = max(one.next_turn, now)
            one.next_turn = turn + 60 / per_minute
        if turn > now:
            self.sleep(turn - now)

    def answered(self, server: str) -> None:
        """It does answer."""
        with self._server(server) as one:
            one.silences = 0

    def silent(self, server: str) -> None:
        """It did not answer, once more."""
        with self._server(server) as one:
            one.silences += 1
            if one.silences >= SILENCES:
                one.silences = 0
                one.not_before = self.clock() + LEFT_ALONE

    def busy(self, server: str, seconds: float | None) -> None:
        """It asked us to wait so long; None: it did not say how long."""
        wait = LEFT_ALONE if seconds is None else min(max(seconds, 1.0), LONGEST_WAIT)
        with self._server(server) as one:
            one.not_before = self.clock() + wait

    @contextmanager
    def _server(self, server: str) -> Iterator[_Server]:
        with self._lock:
            yield self._servers.setdefault(server, _Server())
