"""The tables of cases and their letters, beside the dispatches in the ledger's database."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from survey.model.case import (
    Case,
    CaseEvent,
    CaseFinding,
    CaseKey,
    CaseState,
    Closing,
    Happened,
    OutboxLetter,
    Test,
)
from survey.model.episode import ExposureKind
from survey.model.experiment import Draw, Group, Medium, Wording
from survey.model.letter import LetterKind, LetterState
from survey.model.probe import Probe

META = sa.MetaData()


def _moment(name: str, *, null: bool = True) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=null)


def _word(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.String, nullable=False)


CASES = sa.Table(
    "cases",
    META,
    sa.Column("number", sa.String(24), primary_key=True),
    sa.Column("campaign", sa.String, nullable=False, index=True),
    _word("agency"),
    _word("email"),
    sa.Column("asn", sa.BigInteger),
    _word("kind"),
    _word("contact_name"),
    _word("language"),
    _word("source"),
    _moment("found_at"),
    _word("network"),
    _word("state"),
    _moment("opened_at", null=False),
    _moment("changed_at", null=False),
    _moment("frozen_at"),
    _moment("closed_at"),
    sa.Column("closed_by", sa.String),
    _word("successor"),
    sa.Column("stopped", sa.Boolean, nullable=False),
    _word("draw_experiment"),
    _moment("draw_drawn_at"),
    _word("draw_group"),
    _moment("draw_until"),
    _word("draw_language"),
    _word("draw_medium"),
    _word("draw_wording"),
)

FINDINGS = sa.Table(
    "case_findings",
    META,
    sa.Column("case", sa.ForeignKey("cases.number"), primary_key=True),
    sa.Column("ip", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("port", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("probe", sa.String, primary_key=True),
    _word("run"),
    _moment("added_at", null=False),
    _moment("proven_at", null=False),
    _moment("left_at"),
)

# one letter per case and kind for ever: the primary key says so, whatever a program thinks
LETTERS = sa.Table(
    "letters",
    META,
    sa.Column("case", sa.ForeignKey("cases.number"), primary_key=True),
    sa.Column("kind", sa.String, primary_key=True),
    _word("state"),
    _word("recipient"),
    _word("language"),
    _word("sha256"),
    _word("facts"),
    _word("content"),
    sa.Column("tests", sa.Integer, nullable=False),
    sa.Column("message_id", sa.String, nullable=False, unique=True),
    _moment("planned_at", null=False),
    _moment("changed_at", null=False),
    _word("approved_by"),
    _moment("approved_at"),
    _word("approved_sha256"),
    sa.Column("attempts", sa.Integer, nullable=False),
    _moment("handing_at"),
    _moment("sent_at"),
    _word("receipt"),
)

EVENTS = sa.Table(
    "case_events",
    META,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("case", sa.ForeignKey("cases.number"), nullable=False, index=True),
    _moment("at", null=False),
    _word("what"),
    sa.Column("letter", sa.String),
    sa.Column("ip", sa.BigInteger),
    sa.Column("port", sa.Integer),
    sa.Column("probe", sa.String),
    _word("detail"),
    _word("by"),
)

sa.Index("case_events_what_at", EVENTS.c.what, EVENTS.c.at)

# a number is never used again, even when its case is gone
NUMBERS = sa.Table(
    "case_numbers",
    META,
    sa.Column("year", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("last", sa.Integer, nullable=False),
)

# what was read in our mailbox, so that nothing counts twice
MAIL = sa.Table(
    "case_mail",
    META,
    sa.Column("sha256", sa.String(64), primary_key=True),
    _moment("read_at", null=False),
    _word("kind"),
    sa.Column("case", sa.ForeignKey("cases.number"), nullable=True),
    sa.Column("letter", sa.String),
    _word("matched_by"),
)


def utc(at: datetime | None) -> datetime | None:
    """What we wrote, as it comes back: SQLite keeps no zone, and all of ours are UTC."""
    if at is None:
        return None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _read(cls: type[Any], row: Any, **changed: Any) -> Any:
    """A record of the columns that bear its fields' names."""
    said = {one.name: row[one.name] for one in fields(cls) if one.name in row}
    said |= {name: utc(value) for name, value in said.items() if isinstance(value, datetime)}
    return cls(**(said | changed))


def case_values(case: Case) -> dict[str, Any]:
    """A case as a row."""
    values = {one.name: getattr(case, one.name) for one in fields(Case)}
    del values["key"], values["draw"]
    draw = case.draw
    drawn = {
        "draw_experiment": draw.experiment if draw else "",
        "draw_drawn_at": draw.drawn_at if draw else None,
        "draw_group": draw.group.value if draw else "",
        "draw_until": draw.until if draw else None,
        "draw_language": draw.language if draw else "",
        "draw_medium": draw.medium.value if draw else "",
        "draw_wording": draw.wording.value if draw else "",
    }
    return plain(values | asdict(case.key) | drawn)


def read_case(row: Any) -> Case:
    """A row of ``cases``."""
    drawn_at = utc(row["draw_drawn_at"])
    draw = drawn_at and Draw(
        experiment=row["draw_experiment"],
        drawn_at=drawn_at,
        group=Group(row["draw_group"]),
        until=utc(row["draw_until"]),
        language=row["draw_language"],
        medium=Medium(row["draw_medium"]),
        wording=Wording(row["draw_wording"]),
    )
    key = CaseKey(
        row["campaign"], row["agency"], row["email"], row["asn"], ExposureKind(row["kind"])
    )
    found: Case = _read(
        Case,
        row,
        key=key,
        state=CaseState(row["state"]),
        closed_by=row["closed_by"] and Closing(row["closed_by"]),
        draw=draw,
    )
    return found


def read_finding(row: Any) -> CaseFinding:
    """A row of ``case_findings``."""
    found: CaseFinding = _read(CaseFinding, row, probe=Probe(row["probe"]))
    return found


def read_letter(row: Any) -> OutboxLetter:
    """A row of ``letters``."""
    found: OutboxLetter = _read(
        OutboxLetter, row, kind=LetterKind(row["kind"]), state=LetterState(row["state"])
    )
    return found


def read_event(row: Any) -> CaseEvent:
    """A row of ``case_events``."""
    test = None
    if row["ip"] is not None:
        test = row["ip"], row["port"], Probe(row["probe"])
    found: CaseEvent = _read(
        CaseEvent,
        row,
        what=Happened(row["what"]),
        letter=row["letter"] and LetterKind(row["letter"]),
        test=test,
    )
    return found


def plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Words of our lists as text."""
    return {
        name: value.value if hasattr(value, "value") else value for name, value in values.items()
    }


def note(
    connection: sa.Connection,
    case: str,
    at: datetime,
    what: Happened,
    *,
    letter: LetterKind | None = None,
    tests: Iterable[Test | None] = (None,),
    detail: str = "",
    by: str = "",
) -> None:
    """Write down what happened: one row, or one for each finding."""
    for test in tests:
        ip, port, probe = test or (None, None, None)
        connection.execute(
            EVENTS.insert().values(
                case=case,
                at=at,
                what=what.value,
                letter=letter and letter.value,
                ip=ip,
                port=port,
                probe=probe and probe.value,
                detail=detail,
                by=by,
            )
        )
