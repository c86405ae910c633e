"""Cases in the ledger: each change and its line of history are written together, or neither."""

from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from survey.errors import ConfigError, StorageError
from survey.model.case import (
    NUMBER,
    Case,
    CaseEvent,
    CaseFinding,
    CaseState,
    Closing,
    Happened,
    Test,
    case_number,
)
from survey.model.experiment import Draw
from survey.model.letter import LetterKind
from survey.storage.case_tables import (
    CASES,
    EVENTS,
    FINDINGS,
    META,
    NUMBERS,
    case_values,
    note,
    plain,
    read_case,
    read_event,
    read_finding,
)
from survey.storage.ledger import Ledger


class Cases:
    """All cases of a ledger; who changes them holds ``ledger.exclusive()``."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger, self._engine = ledger, ledger.engine
        try:
            META.create_all(self._engine)
        except sa.exc.SQLAlchemyError as error:
            raise StorageError(f"the ledger can't hold cases: {error}") from error

    def all(self, campaign: str | None = None) -> tuple[Case, ...]:
        """Every case, or those of a campaign, by number."""
        wanted = sa.select(CASES).order_by(CASES.c.number)
        if campaign is not None:
            wanted = wanted.where(CASES.c.campaign == campaign)
        with self._engine.connect() as connection:
            return tuple(read_case(row) for row in connection.execute(wanted).mappings())

    def get(self, number: str) -> Case:
        """One case.

        Raises:
            ConfigError: It is no case's number, or there is no such case.
        """
        if not NUMBER.fullmatch(number):
            raise ConfigError("CASE", "", f"{number[:40]!r} won't do", "write OSYS-2026-000123")
        wanted = sa.select(CASES).where(CASES.c.number == number)
        with self._engine.connect() as connection:
            row = connection.execute(wanted).mappings().first()
        if row is None:
            raise ConfigError("CASE", "", f"there is no case {number}", "see `survey case`")
        return read_case(row)

    def findings(self, campaign: str | None = None) -> tuple[CaseFinding, ...]:
        """Every finding that a case has or had, by case, address, port and probe."""
        wanted = sa.select(FINDINGS).order_by(
            FINDINGS.c.case, FINDINGS.c.ip, FINDINGS.c.port, FINDINGS.c.probe
        )
        if campaign is not None:
            wanted = wanted.join(CASES).where(CASES.c.campaign == campaign)
        with self._engine.connect() as connection:
            return tuple(read_finding(row) for row in connection.execute(wanted).mappings())

    def findings_of(self, number: str) -> tuple[CaseFinding, ...]:
        """The findings that a case has now."""
        wanted = (
            sa.select(FINDINGS)
            .where(FINDINGS.c.case == number, FINDINGS.c.left_at.is_(None))
            .order_by(FINDINGS.c.ip, FINDINGS.c.port, FINDINGS.c.probe)
        )
        with self._engine.connect() as connection:
            return tuple(read_finding(row) for row in connection.execute(wanted).mappings())

    def history(self, number: str) -> tuple[CaseEvent, ...]:
        """Everything that happened to a case, oldest first."""
        wanted = sa.select(EVENTS).where(EVENTS.c.case == number).order_by(EVENTS.c.number)
        with self._engine.connect() as connection:
            return tuple(read_event(row) for row in connection.execute(wanted).mappings())

    def happened(self, campaign: str) -> dict[tuple[str, Happened], int]:
        """How often each thing happened to each case of a campaign."""
        wanted = (
            sa.select(EVENTS.c.case, EVENTS.c.what, sa.func.count())
            .join(CASES, CASES.c.number == EVENTS.c.case)
            .where(CASES.c.campaign == campaign)
            .group_by(EVENTS.c.case, EVENTS.c.what)
        )
        with self._engine.connect() as connection:
            return {
                (case, Happened(what)): int(count)
                for case, what, count in connection.execute(wanted)
            }

    def open(self, case: Case, findings: Sequence[CaseFinding]) -> Case:
        """A new case with its first findings; its number is given here, whatever it has."""
        with self._ledger.begin() as connection:
            return self._open(connection, case, findings, "")

    def add(self, case: Case, findings: Sequence[CaseFinding], at: datetime) -> Case:
        """Findings come in."""
        with self._ledger.begin() as connection:
            self._enter(connection, case.number, findings, at, "")
            return self._change(connection, case, at)

    def move(
        self, source: Case, target: Case, findings: Sequence[CaseFinding], at: datetime, why: str
    ) -> Case:
        """Findings go over to another case, which is opened if it has no number yet.

        If none is left, the source is merged into it.  Returns the target.
        """
        with self._ledger.begin() as connection:
            said = f"from {source.number}: {why}"
            if target.number:
                self._enter(connection, target.number, findings, at, said)
                target = self._change(connection, target, at)
            else:
                target = self._open(connection, target, findings, said)
            tests = [one.test for one in findings]
            self._leave(connection, source.number, tests, at, f"to {target.number}")
            left = connection.execute(
                sa.select(sa.func.count())
                .select_from(FINDINGS)
                .where(FINDINGS.c.case == source.number, FINDINGS.c.left_at.is_(None))
            ).scalar_one()
            what = Happened.SPLIT if left else Happened.MERGED
            note(connection, source.number, at, what, detail=f"{target.number}: {why}")
            if left:
                self._change(connection, source, at)
            else:
                state = CaseState.MERGED
                self._change(
                    connection, source, at, state=state, closed_at=at, successor=target.number
                )
            return target

    def leave(self, case: Case, tests: Sequence[Test], at: datetime, why: str) -> Case:
        """Findings go out and belong to no case."""
        with self._ledger.begin() as connection:
            self._leave(connection, case.number, tests, at, why)
            return self._change(connection, case, at)

    def readdress(self, case: Case, like: Case, at: datetime, why: str) -> Case:
        """Somebody else answers for all of it, and nothing was sent yet."""
        with self._ledger.begin() as connection:
            note(connection, case.number, at, Happened.CONTACT, detail=why)
            return self._change(
                connection,
                case,
                at,
                key=like.key,
                contact_name=like.contact_name,
                language=like.language,
                source=like.source,
                found_at=like.found_at,
                network=like.network,
            )

    def draw(self, case: Case, draw: Draw, at: datetime) -> Case:
        """What the lot said; on the disk before anything is sent."""
        with self._ledger.begin() as connection:
            said = f"{draw.group} {draw.language} {draw.medium} {draw.wording}"
            detail = f"{draw.experiment}: {said}" if draw.experiment else "no experiment: told"
            note(connection, case.number, at, Happened.DRAWN, detail=detail)
            changed = self._change(connection, case, at, draw=draw)
            return self._freeze(connection, changed, at) if draw.until else changed

    def close(self, case: Case, why: Closing, closed_at: datetime, now: datetime) -> Case:
        """Nothing of it is open any more."""
        with self._ledger.begin() as connection:
            note(connection, case.number, now, Happened.CLOSED, detail=why.value)
            return self._change(
                connection,
                case,
                now,
                state=CaseState.CLOSED,
                closed_at=closed_at,
                closed_by=why,
            )

    def confirm(self, case: Case, now: datetime) -> bool:
        """The rule of two days says so, too; whether that is news."""
        last = (
            sa.select(EVENTS.c.what)
            .where(
                EVENTS.c.case == case.number,
                EVENTS.c.what.in_([Happened.CLOSED.value, Happened.CONFIRMED.value]),
            )
            .order_by(EVENTS.c.number.desc())
        )
        with self._ledger.begin() as connection:
            if connection.execute(last).scalar() == Happened.CONFIRMED.value:
                return False
            note(connection, case.number, now, Happened.CONFIRMED)
        return True

    def reopen(self, case: Case, now: datetime, why: str) -> Case:
        """Something of it stands open again."""
        with self._ledger.begin() as connection:
            note(connection, case.number, now, Happened.REOPENED, detail=why)
            return self._change(
                connection, case, now, state=CaseState.OPEN, closed_at=None, closed_by=None
            )

    def stop(self, case: Case, now: datetime, detail: str) -> Case:
        """No more letters about it."""
        with self._ledger.begin() as connection:
            note(connection, case.number, now, Happened.STOPPED, detail=detail)
            return self._change(connection, case, now, stopped=True)

    def note(
        self,
        number: str,
        what: Happened,
        now: datetime,
        *,
        letter: LetterKind | None = None,
        detail: str = "",
        by: str = "",
    ) -> None:
        """Something happened that changes no state."""
        with self._ledger.begin() as connection:
            note(connection, number, now, what, letter=letter, detail=detail, by=by)

    def freeze(self, case: Case, at: datetime) -> Case:
        """No finding comes in any more."""
        with self._ledger.begin() as connection:
            return self._freeze(connection, case, at)

    def _freeze(self, connection: sa.Connection, case: Case, at: datetime) -> Case:
        if case.frozen_at is not None:
            return case
        note(connection, case.number, at, Happened.FROZEN)
        return self._change(connection, case, at, frozen_at=at)

    def _open(
        self, connection: sa.Connection, case: Case, findings: Sequence[CaseFinding], detail: str
    ) -> Case:
        new = replace(case, number=self._next(connection, case.opened_at.year))
        connection.execute(CASES.insert().values(**case_values(new)))
        note(connection, new.number, new.opened_at, Happened.OPENED, detail=detail)
        self._enter(connection, new.number, findings, new.opened_at, "")
        return new

    @staticmethod
    def _next(connection: sa.Connection, year: int) -> str:
        last = connection.execute(
            sa.select(NUMBERS.c.last).where(NUMBERS.c.year == year)
        ).scalar_one_or_none()
        if last is None:
            connection.execute(NUMBERS.insert().values(year=year, last=1))
            return case_number(year, 1)
        connection.execute(NUMBERS.update().where(NUMBERS.c.year == year).values(last=last + 1))
        return case_number(year, last + 1)

    @staticmethod
    def _enter(
        connection: sa.Connection,
        number: str,
        findings: Iterable[CaseFinding],
        at: datetime,
        detail: str,
    ) -> None:
        for one in findings:
            row = {each.name: getattr(one, each.name) for each in fields(CaseFinding)}
            row |= {"case": number, "added_at": at, "left_at": None}
            where = sa.and_(
                FINDINGS.c.case == number,
                FINDINGS.c.ip == one.ip,
                FINDINGS.c.port == one.port,
                FINDINGS.c.probe == one.probe.value,
            )
            connection.execute(FINDINGS.delete().where(where))  # one that comes back
            connection.execute(FINDINGS.insert().values(**plain(row)))
            note(connection, number, at, Happened.FOUND, tests=[one.test], detail=detail)

    @staticmethod
    def _leave(
        connection: sa.Connection, number: str, tests: Iterable[Test], at: datetime, why: str
    ) -> None:
        for ip, port, probe in tests:
            connection.execute(
                FINDINGS.update()
                .where(
                    FINDINGS.c.case == number,
                    FINDINGS.c.ip == ip,
                    FINDINGS.c.port == port,
                    FINDINGS.c.probe == probe.value,
                )
                .values(left_at=at)
            )
            note(connection, number, at, Happened.LEFT, tests=[(ip, port, probe)], detail=why)

    @staticmethod
    def _change(connection: sa.Connection, case: Case, at: datetime, **changes: Any) -> Case:
        changed = replace(case, changed_at=at, **changes)
        before = case_values(case)
        # only what changes: a wish may have come in since the case was read
        values = {
            name: value for name, value in case_values(changed).items() if value != before[name]
        }
        if not values:
            return changed
        update = CASES.update().where(CASES.c.number == case.number).values(**values)
        if connection.execute(update).rowcount != 1:
            raise StorageError(f"case {case.number}: is gone")
        return changed
