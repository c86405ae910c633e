"""The worker's end of the dead-man's switch: may this shard still send (law 5)?

Time is the worker's own monotonic clock, started at the moment when a new beat was seen; the
coordinator's clock is never asked.
"""

from collections.abc import Callable
from typing import NoReturn

from survey.errors import StoppedError
from survey.model.assignment import Assignment
from survey.model.control import Control, Lease
from survey.storage.control import read_control
from survey.storage.layout import RunLayout


class LeaseWatch:
    """Hears the coordinator and knows until when its last word holds."""

    def __init__(
        self,
        run: RunLayout,
        assignment: Assignment,
        lease_seconds: float,
        clock: Callable[[], float],
    ) -> None:
        self._run = run
        self._epoch = assignment.epoch
        self._lease = Lease(assignment.slot, assignment.shard, assignment.attempt)
        self._seconds = lease_seconds
        self._clock = clock
        self._beat = -1
        self._until = float("-inf")

    def alive(self) -> bool:
        """Whether anything may be sent at this moment."""
        return self._clock() < self._until

    def assure(self) -> bool:
        """True; for the gate, which asks before every sending.

        Raises:
            StoppedError: Nothing may be sent any more.
        """
        if not self.alive():
            self._silent()
        return True

    def hear(self) -> Control:
        """Look at the coordinator's word; call about once a second.

        Raises:
            StoppedError: The scan is stopped, another coordinator took over, this shard was given
                up for lost, or nothing new was heard for too long.
        """
        asked_at = self._clock()
        control = read_control(self._run)
        if control is None or control.epoch != self._epoch:
            self._end("another coordinator has taken over")
        if control.stop:
            self._end("the scan was stopped")
        if self._lease not in control.leases:
            self._end("the coordinator has given this shard up for lost")
        if control.beat != self._beat:
            self._beat = control.beat
            self._until = asked_at + self._seconds
        if not self.alive():
            self._silent()
        return control

    def _silent(self) -> NoReturn:
        self._end(f"nothing new was heard from the coordinator for {self._seconds:g} s")

    def _end(self, why: str) -> NoReturn:
        self._until = float("-inf")
        raise StoppedError(f"shard {self._lease.shard} broke off: {why}")
