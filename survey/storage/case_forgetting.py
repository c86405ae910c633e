"""What goes out of the ledger when its period is over, or when somebody asks to be forgotten.

A case stays as a number with what happened to it and when: whom it was about, and where, goes.
"""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from survey.model.address import Range
from survey.model.case import CaseState, Closing
from survey.storage.case_tables import CASES, EVENTS, FINDINGS, LETTERS, MAIL, META
from survey.storage.ledger import Ledger

_ENDED = CASES.c.state.in_([CaseState.CLOSED.value, CaseState.MERGED.value])


class CaseForgetting:
    """Counts first, then does; each step is one transaction, and done again it does nothing."""

    def __init__(self, ledger: Ledger) -> None:
        self._engine = ledger.engine
        META.create_all(self._engine)

    def contacts(self, before: datetime) -> int:
        """Cases that ended before a moment and still name the operator's mailbox."""
        return self._count(CASES, *self._with_contact(before))

    def forget_contacts(self, before: datetime) -> None:
        """Take mailboxes, names and what mail servers said out of them."""
        with self._engine.begin() as connection:
            gone = sa.select(CASES.c.number).where(*self._with_contact(before))
            self._blank(connection, [number for (number,) in connection.execute(gone)])

    def findings(self, before: datetime) -> int:
        """Findings, and events about one, of cases to which nothing happened since a moment."""
        old = self._quiet(before)
        return self._count(FINDINGS, FINDINGS.c.case.in_(old)) + self._count(
            EVENTS, EVENTS.c.case.in_(old), EVENTS.c.ip.is_not(None)
        )

    def forget_findings(self, before: datetime) -> None:
        """Take their addresses away; one that was still open is closed: nobody knows any more."""
        with self._engine.begin() as connection:
            numbers = [str(row.number) for row in connection.execute(self._quiet(before))]
            connection.execute(FINDINGS.delete().where(FINDINGS.c.case.in_(numbers)))
            self._forget_events(connection, EVENTS.c.case.in_(numbers))
            connection.execute(
                CASES.update()
                .where(CASES.c.number.in_(numbers), CASES.c.state == CaseState.OPEN.value)
                .values(
                    state=CaseState.CLOSED.value,
                    closed_by=Closing.CENSORED.value,
                    closed_at=CASES.c.changed_at,
                )
            )
            self._blank(connection, numbers)

    def mail(self, before: datetime) -> int:
        """Marks of messages that were read before a moment."""
        return self._count(MAIL, MAIL.c.read_at < before)

    def forget_mail(self, before: datetime) -> None:
        """Take them away."""
        with self._engine.begin() as connection:
            connection.execute(MAIL.delete().where(MAIL.c.read_at < before))

    def named(self, addresses: Sequence[Range]) -> int:
        """Findings and events about some addresses."""
        return self._count(FINDINGS, _among(FINDINGS, addresses)) + self._count(
            EVENTS, _among(EVENTS, addresses)
        )

    def forget_addresses(self, addresses: Sequence[Range]) -> None:
        """Take them away, and who answered for them where nothing else is left of a case."""
        with self._engine.begin() as connection:
            gone = sa.select(FINDINGS.c.case).where(_among(FINDINGS, addresses)).distinct()
            touched = [number for (number,) in connection.execute(gone)]
            connection.execute(FINDINGS.delete().where(_among(FINDINGS, addresses)))
            self._forget_events(connection, _among(EVENTS, addresses))
            left = sa.select(FINDINGS.c.case).distinct()
            kept = {number for (number,) in connection.execute(left)}
            empty = [number for number in touched if number not in kept]
            connection.execute(
                CASES.update()
                .where(CASES.c.number.in_(empty), CASES.c.state == CaseState.OPEN.value)
                .values(
                    state=CaseState.CLOSED.value,
                    closed_by=Closing.OPTED_OUT.value,
                    closed_at=CASES.c.changed_at,
                )
            )
            self._blank(connection, empty)

    @staticmethod
    def _with_contact(before: datetime) -> tuple[sa.ColumnElement[bool], ...]:
        return _ENDED, CASES.c.closed_at < before, CASES.c.email != ""

    @staticmethod
    def _quiet(before: datetime) -> sa.Select[tuple[str]]:
        """Cases to which nothing happened since, and of which an address is left."""
        later = sa.select(EVENTS.c.case).where(EVENTS.c.at >= before)
        held = sa.select(FINDINGS.c.case)
        return sa.select(CASES.c.number).where(
            CASES.c.changed_at < before,
            CASES.c.number.not_in(later),
            CASES.c.number.in_(held),
        )

    @staticmethod
    def _forget_events(connection: sa.Connection, where: sa.ColumnElement[bool]) -> None:
        connection.execute(EVENTS.update().where(where).values(ip=None, port=None, probe=None))

    @staticmethod
    def _blank(connection: sa.Connection, numbers: Sequence[str]) -> None:
        connection.execute(
            CASES.update()
            .where(CASES.c.number.in_(numbers))
            .values(email="", contact_name="", source="", network="", asn=None)
        )
        connection.execute(
            LETTERS.update().where(LETTERS.c.case.in_(numbers)).values(recipient="", receipt="")
        )
        # what a mail server said may name the mailbox
        connection.execute(
            EVENTS.update()
            .where(EVENTS.c.case.in_(numbers), EVENTS.c.letter.is_not(None))
            .values(detail="")
        )

    def _count(self, table: sa.Table, *where: sa.ColumnElement[bool]) -> int:
        wanted = sa.select(sa.func.count()).select_from(table).where(*where)
        with self._engine.connect() as connection:
            return int(connection.execute(wanted).scalar_one())


def _among(table: sa.Table, addresses: Sequence[Range]) -> sa.ColumnElement[bool]:
    parts = [sa.and_(table.c.ip >= part.start, table.c.ip <= part.end) for part in addresses]
    return sa.or_(sa.false(), *parts)
