"""The one gate: no measurement packet leaves for an address that it has not allowed (law 1).

Allowed is what the plan holds, within its kind's reach, minus exclusion files and opt-outs as they
are now.  Whatever can't be read, has shrunk or is over closes it (``GateClosedError``): send
nothing.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from survey.errors import ConfigError, GateClosedError
from survey.model.plan import Plan
from survey.targets.optouts import OptOuts, read_log
from survey.targets.ranges import Ips, RangeSet, read_range_file
from survey.targets.reach import reach

REFRESH_SECONDS = 2.0
"""The gate looks at its files by itself after so long; opt-outs must be in force within 15 s."""

_MAKER = object()

Signature = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Permit:
    """The right to open one connection now; only the gate makes one, and every dial takes one.

    Attributes:
        ip: The address.
        port: The port.
    """

    ip: int
    port: int
    maker: object = field(repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.maker is not _MAKER:
            raise TypeError("only the gate makes permits")


@dataclass(frozen=True, slots=True, eq=False)
class Sorted:
    """Each address of a batch has exactly one of three fates.

    Attributes:
        allowed: May be tested now.
        excluded: Out of the plan or its kind's reach, or in an exclusion file.
        opted_out: Its operator wishes not to be tested.
    """

    allowed: NDArray[np.bool_]
    excluded: NDArray[np.bool_]
    opted_out: NDArray[np.bool_]


class Gate:
    """Who may be tested at this moment; for one thread.

    Attributes:
        version: Changes whenever the answer about some address could have changed.
    """

    def __init__(
        self,
        plan: Plan,
        lease: Callable[[], bool],
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """See ``open``."""
        self.version = 0
        self._lease = lease
        self._clock = clock
        self._monotonic = monotonic
        self._ends = plan.valid_until.timestamp() if plan.valid_until else None
        self._ports = frozenset(plan.ports)
        self._planned = RangeSet.of(plan.ranges) & reach(plan.kind)
        self._log = Path(plan.optouts)
        self._least_entries = plan.optouts_version
        self._files = [Path(path) for path in plan.exclusions]
        self._seen: dict[Path, Signature] = {}
        self._exclusions: dict[Path, RangeSet] = {}
        self._optouts = OptOuts((), RangeSet.of(()))
        self._base = self._planned
        self._stale = True
        self._checked_at = -REFRESH_SECONDS

    @classmethod
    def open(
        cls,
        plan: Plan,
        lease: Callable[[], bool],
        *,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> "Gate":
        """The gate of a plan, with its files read.

        Args:
            plan: What may be tested at most.
            lease: Whether we still hold the right to send; asked at every permit and sort.
            clock: Seconds since 1970; the authority's end is measured by it.
            monotonic: Seconds since any moment.

        Raises:
            GateClosedError: The opt-out log or an exclusion file is not as it must be.
        """
        gate = cls(plan, lease, clock, monotonic)
        gate.refresh()
        return gate

    @property
    def optouts(self) -> int:
        """Entries of the opt-out log that are in force here."""
        return self._optouts.version

    def refresh(self, optouts: int = 0) -> None:
        """Read again what changed: the opt-out log and the exclusion files.

        Args:
            optouts: Entries that the log has, as others see it.  If fewer are known here it is
                read again even if it looks unchanged: a network file system may say so for long.

        Raises:
            GateClosedError: One is missing, unreadable, or allows what it did not allow before;
                or the log here is another one than the others'.
        """
        for path in (self._log, *self._files):
            signature = _signature(path)
            behind = path == self._log and self._optouts.version < optouts
            if behind or self._seen.get(path) != signature:
                self._read(path)
                self._seen[path] = signature  # only now: a failed reading is tried again
                self._stale = True
        if self._optouts.version < optouts:
            raise GateClosedError(
                f"{self._log}: has {self._optouts.version} entries here and {optouts} where the "
                "coordinator reads it; every worker must see the same log"
            )
        if self._stale:
            self._base = self._planned
            for exclusion in self._exclusions.values():
                self._base = self._base - exclusion
            self.version += 1
            self._stale = False
        self._checked_at = self._monotonic()

    def sort(self, ips: Ips) -> Sorted:
        """Sort a batch of addresses, as of now.

        Raises:
            GateClosedError: Nothing may be sent at all.
        """
        self._assure()
        opted_out = self._optouts.ranges.contains(ips)
        allowed = self._base.contains(ips) & ~opted_out
        return Sorted(allowed, ~(allowed | opted_out), opted_out)

    def permit(self, ip: int, port: int) -> Permit | None:
        """The right to connect to a target of the plan now, or None.

        Raises:
            GateClosedError: Nothing may be sent at all.
        """
        self._assure()
        if port not in self._ports or ip not in self._base or ip in self._optouts.ranges:
            return None
        return Permit(ip, port, _MAKER)

    def _assure(self) -> None:
        if not self._lease():
            raise GateClosedError("the lease is over; nothing is sent without one")
        if self._ends is not None and self._clock() >= self._ends:
            raise GateClosedError("the authority has ended (authority.valid_until)")
        if self._monotonic() - self._checked_at >= REFRESH_SECONDS:
            self.refresh()

    def _read(self, path: Path) -> None:
        if path == self._log:
            log = read_log(path)
            known = self._optouts.entries
            if log.version < self._least_entries or log.entries[: len(known)] != known:
                raise GateClosedError(
                    f"{path}: the opt-out log lost entries; restore it from your copy"
                )
            self._optouts = log
            return
        try:
            exclusion = read_range_file(path)
        except ConfigError as error:
            raise GateClosedError(str(error)) from error
        if path in self._exclusions and (self._exclusions[path] - exclusion).size:
            raise GateClosedError(
                f"{path}: this exclusion file shrank during the run; put back what it had"
            )
        self._exclusions[path] = exclusion


def _signature(path: Path) -> Signature:
    """What changes when a file's content does."""
    try:
        status = path.stat()
    except OSError as error:
        raise GateClosedError(
            f"{path}: can't be read ({error.strerror}); nothing is sent without it"
        ) from error
    return status.st_mtime_ns, status.st_size, status.st_ino
