"""Dispatches through their steps, one after the other, by one carrier.

As docs/delivery.md has it::

    PLANNED -> SENDING -> prepare -> HANDING -> hand over -> DELIVERED

Whoever finds a dispatch in SENDING knows that the receiver can't have it and begins anew.  Whoever
finds one in HANDING asks the receiver; where that can't be asked it is UNCERTAIN, and stays so
until a person settles it.
"""

import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from survey.errors import StorageError
from survey.mail.carrier import Carrier, DoubtError, NotTakenError
from survey.model.dispatch import Dispatch, DispatchState
from survey.model.hostile import show_text
from survey.reports.feeds.manifest import NAME
from survey.storage.ledger import Ledger

_HOUR = timedelta(hours=1)
_MANIFEST = Path(NAME).stem
"""How a manifest's name begins, at a receiver, too."""

Say = Callable[[str], None]


async def hand_over(
    rows: Sequence[Dispatch], drive: "Drive", limit: int, say: Say
) -> AsyncIterator[str]:
    """Each row as far as it goes today; yields what is put off."""
    for row in rows:
        if row.state is DispatchState.PLANNED:
            if row.part.startswith(_MANIFEST) and row.revision in drive.left:
                yield f"{row.part}: waits for the other files"
                continue
            if drive.handed(row.place) >= limit:
                drive.left.add(row.revision)
                yield f"{row.part}: {limit} an hour went to {row.place}; it waits"
                continue
        if reason := await drive.on(row):
            yield f"{row.part}: {reason}"
        say(f"{row.destination}: {row.part}: {drive.now.state}{_why(drive.now)}")


def _why(one: Dispatch) -> str:
    return f" ({show_text(one.receipt, 200)})" if one.receipt else ""


class Drive:
    """One dispatch after the other through its steps, by one carrier."""

    def __init__(
        self, folder: Path, ledger: Ledger, carrier: Carrier, clock: Callable[[], datetime]
    ) -> None:
        self._folder, self._ledger, self._carrier, self._clock = folder, ledger, carrier, clock
        self.left: set[int] = set()
        """Revisions of which something was not delivered."""

    def handed(self, place: str) -> int:
        """How many dispatches went to a place in the last hour."""
        return self._ledger.handed_since(place, self._clock() - _HOUR)

    async def on(self, row: Dispatch) -> str:
        """As far as it goes; why it is put off, or ""."""
        self.now = row
        reason = ""
        if row.state is DispatchState.SENDING:
            self._mark(DispatchState.PLANNED, "was broken off before it was handed over")
        elif row.state is DispatchState.HANDING:
            reason = await self._ask()
        if self.now.state is DispatchState.PLANNED and not reason:
            reason = await self._send()
        if self.now.state is not DispatchState.DELIVERED:
            self.left.add(row.revision)
        return reason

    async def _send(self) -> str:
        data = _prepared(self._folder, self.now)
        self._mark(DispatchState.SENDING)
        try:
            await self._carrier.prepare(self.now, data)
            self._mark(DispatchState.HANDING)
            receipt = await self._carrier.hand_over(self.now, data)
        except NotTakenError as error:
            return self._not_taken(error)
        except DoubtError as error:
            return await self._ask(str(error))
        self._mark(DispatchState.DELIVERED, receipt)
        return ""

    async def _ask(self, why: str = "was broken off while it was handed over") -> str:
        try:
            there = await self._carrier.ask(self.now)
        except NotTakenError as error:
            if error.final:
                return self._not_taken(error)
            return f"{why}; {error}"  # stays as it is, and is asked again
        if there is None:
            self._mark(DispatchState.UNCERTAIN, f"{why}, and the receiver can't tell")
            return ""
        if there:
            self._mark(DispatchState.DELIVERED, f"{why}; asked: it is there")
            return ""
        self._mark(DispatchState.PLANNED, f"{why}; asked: it is not there")
        return "" if why.startswith("was broken off") else f"{why}; it is not there"

    def _not_taken(self, error: NotTakenError) -> str:
        self._mark(DispatchState.REFUSED if error.final else DispatchState.PLANNED, str(error))
        return "" if error.final else str(error)

    def _mark(self, state: DispatchState, receipt: str = "") -> None:
        self.now = self._ledger.mark(self.now, state, receipt, now=self._clock())


def _prepared(folder: Path, one: Dispatch) -> bytes:
    """The bytes that were prepared, and no others.

    Raises:
        StorageError: They are gone or changed.
    """
    path = folder / one.prepared
    try:
        data = path.read_bytes()
    except OSError as error:
        raise StorageError(f"{path}: what was prepared is gone: {error.strerror}") from error
    if hashlib.sha256(data).hexdigest() != one.sha256:
        raise StorageError(f"{path}: is not what was prepared; send the report by --corrected")
    return data
