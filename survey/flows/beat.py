"""The coordinator's heart: once a second it hears wishes and opt-outs and lives on.

If it stops, for whatever reason, no lease is renewed, and every worker stops by itself (law 5).
"""

import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from survey.cluster.leases import Leases
from survey.errors import StoppedError, SurveyError
from survey.flows.optout_lag import InForce, OptOutLag
from survey.model.control import Term
from survey.storage.control import read_term, read_wishes
from survey.storage.layout import Layout, RunLayout

BEAT = 1.0
"""Seconds between two beats; less if leases are short."""


class Beat:
    """A thread that tells the leases what is wished, from ``with`` to its end.

    Args:
        layout: The data directory.
        run: Whose wishes count.
        term: This coordinator's time in office.
        leases: Told at every beat.
        cap: Packets/s of the plan.
        optouts: The opt-out log.
    """

    def __init__(
        self,
        layout: Layout,
        run: RunLayout,
        term: Term,
        leases: Leases,
        *,
        cap: int,
        optouts: Path,
    ) -> None:
        self._layout, self._run, self._term, self._cap = layout, run, term, cap
        self._seconds = min(BEAT, term.lease_seconds / 12)
        self._leases = leases
        self._lag = OptOutLag(optouts, time.monotonic)
        self._held, self._asked = "", read_wishes(run).asked
        self._end = threading.Event()
        self._failed: BaseException | None = None
        self._thread = threading.Thread(target=self._go_on, name="survey-beat", daemon=True)

    def __enter__(self) -> Self:
        self._beat()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end.set()
        self._thread.join()

    @property
    def optouts(self) -> InForce:
        """How far the opt-outs have got."""
        return self._lag.in_force

    @property
    def held(self) -> str:
        """Why the scan pauses by itself, or ""."""
        return self._held

    def hold(self, reason: str) -> None:
        """Pause for this reason, or go on if it is "", from the next beat on."""
        self._held = reason

    def check(self) -> None:
        """See that it still beats.

        Raises:
            SurveyError: It does not, and this is why.
        """
        if self._thread.is_alive() or self._end.is_set():
            return
        if isinstance(self._failed, SurveyError):
            raise self._failed
        raise SurveyError(f"the coordinator's beat has failed: {self._failed}") from self._failed

    def _go_on(self) -> None:
        try:
            while not self._end.wait(self._seconds):
                self._beat()
        except BaseException as error:  # noqa: BLE001 - told by check(), in the main thread
            self._failed = error
            self._leases.stop()

    def _beat(self) -> None:
        if read_term(self._layout) != self._term:
            raise StoppedError("another coordinator has taken over this data directory")
        wishes = read_wishes(self._run)
        if wishes.stop:
            self._leases.stop()
        if wishes.asked != self._asked:
            self._asked = wishes.asked
            self._held = self._held if wishes.paused else ""
        rate = self._cap if wishes.rate is None else min(wishes.rate, self._cap)
        paused = wishes.paused or bool(self._held)
        self._leases.beat(paused=paused, rate=rate, optouts=self._lag.look())
        self._lag.obeyed(self._leases.optouts_obeyed())
