"""How long it takes until an opt-out is in force in every worker: measured, and told (law 7)."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from survey.errors import GateClosedError
from survey.targets.optouts import OptOuts, read_log


@dataclass(frozen=True, slots=True)
class InForce:
    """How far the opt-outs have got.

    Attributes:
        known: Entries of the log, as the coordinator reads it.
        obeyed: Of those, in force in every worker that may still send.
        lag: Seconds from the entry in the log until the last worker obeyed, of the newest entry
            that came during this scan; None if none did.
        worst_lag: The same, of the entry that took longest.
    """

    known: int = 0
    obeyed: int = 0
    lag: float | None = None
    worst_lag: float | None = None


class OptOutLag:
    """Looks at the log again and again, and measures.

    Args:
        log: The organisation's opt-out log.
        clock: Seconds, monotonic.
        wall: The time, UTC; only asked how old an entry is when it is seen first.
    """

    def __init__(
        self,
        log: Path,
        clock: Callable[[], float],
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._log, self._clock, self._wall = log, clock, wall
        self._read: OptOuts | None = None
        self._seen: tuple[int, int, int] | None = None
        self._under_way: deque[tuple[int, float]] = deque()
        self.in_force = InForce()

    def look(self) -> int:
        """Read the log if it changed; how many entries it has.

        Raises:
            GateClosedError: It is missing, damaged, or has lost entries.
        """
        try:
            status = self._log.stat()
        except OSError as error:
            raise GateClosedError(
                f"{self._log}: the opt-out log can't be read ({error.strerror}); restore it"
            ) from error
        signature = (status.st_mtime_ns, status.st_size, status.st_ino)
        if self._read is None or signature != self._seen:
            log = read_log(self._log)
            if self._read is not None:
                self._note(self._read, log)
            self._read, self._seen = log, signature
        return self._read.version

    def obeyed(self, entries: int) -> None:
        """So many are in force everywhere now."""
        now, before = self._clock(), self.in_force
        lag, worst = before.lag, before.worst_lag
        while self._under_way and self._under_way[0][0] <= entries:
            lag = now - self._under_way.popleft()[1]
            worst = max(lag, worst or 0.0)
        known = self._read.version if self._read else 0
        self.in_force = InForce(known, entries, lag, worst)

    def _note(self, before: OptOuts, after: OptOuts) -> None:
        if after.entries[: before.version] != before.entries:
            raise GateClosedError(
                f"{self._log}: the opt-out log lost entries; restore it from your copy"
            )
        for version, entry in enumerate(after.entries[before.version :], before.version + 1):
            age = max(0.0, (self._wall() - entry.added_at).total_seconds())
            self._under_way.append((version, self._clock() - age))
