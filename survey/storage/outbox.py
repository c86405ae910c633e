"""Letters in the ledger: each step is on the disk before it is made, with its line of history."""

from dataclasses import fields, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from survey.errors import ConfigError, StorageError
from survey.model.case import Happened, OutboxLetter
from survey.model.letter import LetterKind, LetterState
from survey.storage.case_tables import (
    CASES,
    EVENTS,
    LETTERS,
    MAIL,
    META,
    note,
    plain,
    read_letter,
    utc,
)
from survey.storage.ledger import Ledger

DAY = timedelta(days=1)
_RECEIPT = 1000
"""Longest word of a mail server's that is kept."""


class Outbox:
    """All letters of a ledger; who changes them holds ``ledger.exclusive()``."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger, self._engine = ledger, ledger.engine
        try:
            META.create_all(self._engine)
        except sa.exc.SQLAlchemyError as error:
            raise StorageError(f"the ledger can't hold letters: {error}") from error

    def letters(
        self, campaign: str | None = None, *, case: str | None = None
    ) -> tuple[OutboxLetter, ...]:
        """Letters by case, in the order of their kinds."""
        wanted = sa.select(LETTERS).join(CASES).order_by(LETTERS.c.case)
        if campaign is not None:
            wanted = wanted.where(CASES.c.campaign == campaign)
        if case is not None:
            wanted = wanted.where(LETTERS.c.case == case)
        with self._engine.connect() as connection:
            found = [read_letter(row) for row in connection.execute(wanted).mappings()]
        order = list(LetterKind)
        return tuple(sorted(found, key=lambda one: (one.case, order.index(one.kind))))

    def get(self, case: str, kind: LetterKind) -> OutboxLetter:
        """One letter.

        Raises:
            ConfigError: It is not planned.
        """
        found = [one for one in self.letters(case=case) if one.kind is kind]
        if not found:
            raise ConfigError(
                "CASE", "", f"{case} has no {kind} planned", "see `survey notify plan`"
            )
        return found[0]

    def plan(self, letter: OutboxLetter, now: datetime, detail: str = "") -> OutboxLetter:
        """Write down what is to be sent, or what is to be sent instead while nothing was.

        Raises:
            StorageError: It has begun to go out, or somebody else was there.
        """
        values = plain({one.name: getattr(letter, one.name) for one in fields(OutboxLetter)})
        with self._ledger.begin() as connection:
            row = connection.execute(
                sa.select(LETTERS.c.state, LETTERS.c.attempts).where(*self._is(letter))
            ).first()
            if row is None:
                connection.execute(LETTERS.insert().values(**values))
                note(
                    connection,
                    letter.case,
                    now,
                    Happened.PLANNED,
                    letter=letter.kind,
                    detail=detail,
                )
                return letter
            before = LetterState(row.state)
            if before not in {LetterState.PLANNED, LetterState.APPROVED}:
                raise StorageError(f"{letter.case}: its {letter.kind} is {before} already")
            what = Happened.LAPSED if before is LetterState.APPROVED else Happened.PLANNED
            values["attempts"] = row.attempts
            connection.execute(LETTERS.update().where(*self._is(letter)).values(**values))
            note(connection, letter.case, now, what, letter=letter.kind, detail=detail)
            return replace(letter, attempts=row.attempts)

    def mark(
        self,
        letter: OutboxLetter,
        state: LetterState,
        what: Happened,
        now: datetime,
        *,
        detail: str = "",
        by: str = "",
        **changes: Any,
    ) -> OutboxLetter:
        """The letter in its next state, on the disk when this returns.

        Raises:
            StorageError: It is not as it was read: somebody else was there.
        """
        words = detail[:_RECEIPT]
        changed = replace(letter, state=state, changed_at=now, **changes)
        values = plain({one.name: getattr(changed, one.name) for one in fields(OutboxLetter)})
        same = (
            LETTERS.c.state == letter.state.value,
            LETTERS.c.attempts == letter.attempts,
            LETTERS.c.sha256 == letter.sha256,
        )
        with self._ledger.begin() as connection:
            change = LETTERS.update().where(*self._is(letter), *same).values(**values)
            if connection.execute(change).rowcount != 1:
                raise StorageError(
                    f"{letter.case}: its {letter.kind} was changed by somebody else meanwhile"
                )
            note(connection, letter.case, now, what, letter=letter.kind, detail=words, by=by)
        return changed

    def handed_since(self, since: datetime, domain: str | None = None) -> int:
        """How many letters were handed over, or begun to be, since a moment; to one domain."""
        wanted = (
            sa.select(sa.func.count())
            .select_from(
                EVENTS.join(
                    LETTERS,
                    sa.and_(EVENTS.c.case == LETTERS.c.case, EVENTS.c.letter == LETTERS.c.kind),
                )
            )
            .where(EVENTS.c.what == Happened.HANDING.value, EVENTS.c.at > since)
        )
        if domain is not None:
            wanted = wanted.where(LETTERS.c.recipient.endswith(f"@{domain}", autoescape=True))
        with self._engine.connect() as connection:
            return int(connection.execute(wanted).scalar_one())

    def was_read(self, sha256: str) -> bool:
        """Whether a message in our mailbox was counted already."""
        wanted = sa.select(MAIL.c.sha256).where(MAIL.c.sha256 == sha256)
        with self._engine.connect() as connection:
            return connection.execute(wanted).first() is not None

    def note_read(
        self,
        sha256: str,
        kind: str,
        now: datetime,
        *,
        case: str | None = None,
        letter: LetterKind | None = None,
        matched_by: str = "",
    ) -> None:
        """A message in our mailbox was counted."""
        with self._ledger.begin() as connection:
            connection.execute(
                MAIL.insert().values(
                    sha256=sha256,
                    read_at=now,
                    kind=kind,
                    case=case,
                    letter=letter and letter.value,
                    matched_by=matched_by,
                )
            )

    def read_counts(self) -> dict[str, int]:
        """Messages that were read in our mailbox, by kind."""
        wanted = sa.select(MAIL.c.kind, sa.func.count()).group_by(MAIL.c.kind)
        with self._engine.connect() as connection:
            return {str(kind): int(count) for kind, count in connection.execute(wanted)}

    def last_read(self) -> datetime | None:
        """When a message was read last, UTC."""
        with self._engine.connect() as connection:
            return utc(connection.execute(sa.select(sa.func.max(MAIL.c.read_at))).scalar_one())

    @staticmethod
    def _is(letter: OutboxLetter) -> tuple[sa.ColumnElement[bool], ...]:
        return LETTERS.c.case == letter.case, LETTERS.c.kind == letter.kind.value
