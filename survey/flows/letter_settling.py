"""A person, or something that came back, says what became of a letter in doubt."""

from datetime import datetime

from survey.errors import ConfigError
from survey.flows.cases import CaseDesk
from survey.model.case import Happened, OutboxLetter
from survey.model.letter import LetterKind, LetterState
from survey.storage.outbox import Outbox


def settle(
    desk: CaseDesk, number: str, kind: LetterKind, *, arrived: bool, by: str, now: datetime
) -> OutboxLetter:
    """A person found out what became of a letter in doubt.

    Raises:
        ConfigError: There is no such letter, or nothing is in doubt about it.
    """
    with desk.ledger.exclusive():
        letter = desk.outbox.get(number, kind)
        if not letter.in_doubt:
            raise ConfigError(
                "CASE",
                "",
                f"{number}: its {kind} is {letter.state}",
                "only a letter in doubt can be settled",
            )
        if arrived:
            return went_out(desk.outbox, letter, f"settled by {by}: it went out", now, by)
        said = f"settled by {by}: it did not go out"
        return desk.outbox.mark(
            letter,
            LetterState.APPROVED,
            Happened.SETTLED,
            now,
            detail=said,
            by=by,
            handing_at=None,
            receipt=said,
        )


def went_out(
    outbox: Outbox, letter: OutboxLetter, how: str, now: datetime, by: str = ""
) -> OutboxLetter:
    """A letter in doubt did go out; within ``ledger.exclusive()``."""
    return outbox.mark(
        letter,
        LetterState.SENT,
        Happened.SETTLED,
        now,
        detail=how,
        by=by,
        sent_at=letter.handing_at,
        receipt=how,
    )
