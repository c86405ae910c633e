"""The coordinator's heart: says every second who may send, and how fast; hears wishes.

If it stops, for whatever reason, every worker stops by itself (law 5).
"""

import threading
from dataclasses import replace
from types import TracebackType
from typing import Self

from survey.errors import SurveyError
from survey.model.control import Control, Lease
from survey.storage.control import read_wishes, write_control
from survey.storage.layout import RunLayout

BEAT = 1.0
"""Seconds between two beats."""


class Beat:
    """A thread that rewrites the control file of one run, from ``with`` to its end.

    Args:
        run: Whose.
        epoch: This coordinator's number.
        cap: Packets/s of the plan.
    """

    def __init__(self, run: RunLayout, epoch: int, cap: int) -> None:
        self._run, self._cap = run, cap
        self._control = Control(epoch, beat=0, stop=False, paused=False, rate=cap, leases=())
        self._lock = threading.Lock()
        self._end = threading.Event()
        self._failed: BaseException | None = None
        self._thread = threading.Thread(target=self._go_on, name="survey-beat", daemon=True)

    def __enter__(self) -> Self:
        self._say()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """The last word is stop, without leases: the next coordinator need not wait."""
        self._end.set()
        self._thread.join()
        self.stop()

    @property
    def word(self) -> Control:
        """What was said last."""
        return self._control

    def check(self) -> None:
        """See that it still beats.

        Raises:
            SurveyError: It does not; what ended it is its cause.
        """
        if not self._thread.is_alive():
            raise SurveyError(f"the coordinator can't reach its workers: {self._failed}") from (
                self._failed
            )

    def grant(self, lease: Lease) -> None:
        """Let one more send; said before this returns, so before its worker can ask."""
        self._say(leases=(*self._control.leases, lease))

    def revoke(self, lease: Lease) -> None:
        """Let it send no longer: it is done, or lost."""
        self._say(leases=tuple(one for one in self._control.leases if one != lease))

    def stop(self) -> None:
        """Tell every worker to break off."""
        self._say(stop=True, leases=())

    def _go_on(self) -> None:
        try:
            while not self._end.wait(BEAT):
                wishes = read_wishes(self._run)
                rate = self._cap if wishes.rate is None else min(wishes.rate, self._cap)
                stop = self._control.stop or wishes.stop
                self._say(stop=stop, paused=wishes.paused, rate=rate)
        except BaseException as error:  # noqa: BLE001 - told by check(), in the main thread
            self._failed = error

    def _say(self, **changes: object) -> None:
        with self._lock:
            word = replace(self._control, beat=self._control.beat + 1, **changes)  # type: ignore[arg-type]
            write_control(self._run, word)
            self._control = word
