"""Cases and letters in the ledger: whole changes, a history that grows, one letter of a kind."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from survey.errors import ConfigError, StorageError
from survey.model.address import Range
from survey.model.case import (
    Case,
    CaseFinding,
    CaseKey,
    CaseState,
    Closing,
    Happened,
    OutboxLetter,
)
from survey.model.episode import ExposureKind
from survey.model.experiment import Draw, Group, Medium, Wording
from survey.model.letter import LetterKind, LetterState
from survey.model.probe import Probe
from survey.storage.case_forgetting import CaseForgetting
from survey.storage.case_tables import LETTERS
from survey.storage.cases import Cases
from survey.storage.ledger import Ledger
from survey.storage.outbox import Outbox

NOW = datetime(2026, 11, 24, 12, 0, 0, 123456, tzinfo=UTC)
DAY = timedelta(days=1)
FIRST = LetterKind.FIRST_NOTICE
NEW = Case(
    "",
    CaseKey("trial", "es-prueba", "abuse@altamar.example", 64500, ExposureKind.RELAY),
    "Altamar \u00d1and\u00fa",
    "es",
    "snapshot: test",
    NOW,
    "Altamar",
    CaseState.OPEN,
    NOW,
    NOW,
)
LETTER = OutboxLetter(
    "OSYS-2026-000001",
    FIRST,
    LetterState.PLANNED,
    "abuse@altamar.example",
    "es",
    "0" * 64,
    "1" * 64,
    "letters/x.eml",
    1,
    "letter.1@survey.example",
    NOW,
    NOW,
)


@pytest.fixture
def ledger(url: str, tmp_path: Path) -> Iterator[Ledger]:
    """An open, empty ledger in each database."""
    made = Ledger.open(url, tmp_path / "deliver.lock")
    yield made
    made.close()


def _finding(ip: int = 3_221_225_991, port: int = 25) -> CaseFinding:
    return CaseFinding("", ip, port, Probe.SMTP_RELAY, "2026-W48", NOW, NOW)


def test_case_comes_back_as_it_was_written(ledger: Ledger) -> None:
    """With its number, its lot, and times in UTC."""
    cases = Cases(ledger)
    made = cases.open(NEW, [_finding()])
    assert made == replace(NEW, number="OSYS-2026-000001")
    drawn = Draw("e", NOW, Group.HELD_OUT, NOW + DAY, "de", Medium.PDF, Wording.STEPS_FIRST)
    held = cases.draw(made, drawn, NOW + DAY)
    assert cases.get(made.number) == held
    assert (held.draw, held.frozen_at) == (drawn, NOW + DAY)
    assert cases.findings_of(made.number) == (replace(_finding(), case=made.number),)
    assert cases.all("other") == ()


def test_numbers_count_up_by_year_and_are_never_used_again(ledger: Ledger) -> None:
    """Not even when a case has moved or its rows are gone."""
    cases = Cases(ledger)
    first, second = cases.open(NEW, [_finding()]), cases.open(NEW, [_finding(1)])
    later = replace(NEW, opened_at=datetime(2027, 1, 1, tzinfo=UTC))
    assert [first.number, second.number, cases.open(later, ()).number] == [
        "OSYS-2026-000001",
        "OSYS-2026-000002",
        "OSYS-2027-000001",
    ]


def test_findings_move_whole_and_empty_case_is_merged(ledger: Ledger) -> None:
    """Split first, then merged; a finding that comes back is there once."""
    cases = Cases(ledger)
    source = cases.open(NEW, [_finding(1), _finding(2)])
    target = cases.move(source, NEW, cases.findings_of(source.number)[:1], NOW + DAY, "contact")
    assert [one.ip for one in cases.findings_of(target.number)] == [1]
    assert cases.get(source.number).state is CaseState.OPEN
    cases.move(source, target, cases.findings_of(source.number), NOW + 2 * DAY, "contact")
    merged = cases.get(source.number)
    assert (merged.state, merged.successor) == (CaseState.MERGED, target.number)
    told = [one.what for one in cases.history(source.number)]
    assert told.count(Happened.LEFT) == 2
    assert told[-1] is Happened.MERGED
    back = cases.move(target, merged, cases.findings_of(target.number)[:1], NOW + 3 * DAY, "back")
    assert len(cases.findings_of(back.number)) == 1
    assert len([one for one in cases.findings() if one.case == back.number]) == 2


def test_close_reopen_confirm(ledger: Ledger) -> None:
    """A confirmation is news once after each closing."""
    cases = Cases(ledger)
    case = cases.open(NEW, [_finding()])
    case = cases.close(case, Closing.RETEST, NOW, NOW + DAY)
    assert (case.closed_at, case.closed_by) == (NOW, Closing.RETEST)
    assert cases.confirm(case, NOW + DAY)
    assert not cases.confirm(case, NOW + DAY)
    case = cases.reopen(case, NOW + 2 * DAY, "again")
    assert (case.state, case.closed_at, case.closed_by) == (CaseState.OPEN, None, None)
    case = cases.close(case, Closing.RETEST, NOW, NOW + 3 * DAY)
    assert cases.confirm(case, NOW + 3 * DAY)


def test_a_wish_that_came_in_meanwhile_stays(ledger: Ledger) -> None:
    """Whoever read the case before it writes only what he changes."""
    cases = Cases(ledger)
    case = cases.open(NEW, [_finding()])
    cases.stop(case, NOW, "one click")
    cases.draw(case, Draw("", NOW), NOW)
    assert cases.get(case.number).stopped


def test_unknown_case_is_one_line(ledger: Ledger) -> None:
    """With the cure."""
    with pytest.raises(ConfigError, match="write OSYS-2026-000123"):
        Cases(ledger).get("17")
    with pytest.raises(ConfigError, match="there is no case OSYS-2026-000009"):
        Cases(ledger).get("OSYS-2026-000009")


def test_database_refuses_a_second_letter_of_a_kind(ledger: Ledger) -> None:
    """Whatever a program thinks."""
    Cases(ledger).open(NEW, [_finding()])
    outbox = Outbox(ledger)
    outbox.plan(LETTER, NOW)
    values = {"message_id": "other", "case": LETTER.case, "kind": FIRST.value}
    with ledger.engine.connect() as connection:
        row = dict(connection.execute(sa.select(LETTERS)).mappings().one())
    with pytest.raises(sa.exc.IntegrityError), ledger.engine.begin() as connection:
        connection.execute(LETTERS.insert().values(**(row | values)))


def test_letter_that_has_begun_is_not_planned_again(ledger: Ledger) -> None:
    """Before that, a new content takes the old one's place, and an approval lapses."""
    Cases(ledger).open(NEW, [_finding()])
    outbox = Outbox(ledger)
    outbox.plan(LETTER, NOW)
    other = replace(LETTER, sha256="2" * 64)
    outbox.plan(other, NOW)
    approved = outbox.mark(other, LetterState.APPROVED, Happened.APPROVED, NOW, by="A. Person")
    outbox.plan(LETTER, NOW)
    assert outbox.get(LETTER.case, FIRST) == LETTER
    with pytest.raises(StorageError, match="was changed by somebody else"):
        outbox.mark(approved, LetterState.SENDING, Happened.SENDING, NOW)
    approved = outbox.mark(LETTER, LetterState.APPROVED, Happened.APPROVED, NOW, by="A. Person")
    outbox.mark(approved, LetterState.SENDING, Happened.SENDING, NOW, attempts=1)
    with pytest.raises(StorageError, match="is sending already"):
        outbox.plan(other, NOW)
    told = [(one.what, one.by) for one in Cases(ledger).history(LETTER.case)][2:]
    assert told == [
        (Happened.PLANNED, ""),
        (Happened.PLANNED, ""),
        (Happened.APPROVED, "A. Person"),
        (Happened.LAPSED, ""),
        (Happened.APPROVED, "A. Person"),
        (Happened.SENDING, ""),
    ]


def test_what_was_handed_over_counts_by_time_and_domain(ledger: Ledger) -> None:
    """A domain is not what it ends with."""
    Cases(ledger).open(NEW, [_finding()])
    outbox = Outbox(ledger)
    letter = outbox.plan(LETTER, NOW)
    outbox.mark(letter, LetterState.SENDING, Happened.HANDING, NOW, handing_at=NOW)
    assert outbox.handed_since(NOW - DAY) == 1
    assert outbox.handed_since(NOW) == 0
    assert outbox.handed_since(NOW - DAY, "altamar.example") == 1
    assert outbox.handed_since(NOW - DAY, "tamar.example") == 0
    assert outbox.handed_since(NOW - DAY, "%") == 0


def test_mail_counts_once(ledger: Ledger) -> None:
    """By its mark."""
    Cases(ledger).open(NEW, [_finding()])
    outbox = Outbox(ledger)
    assert not outbox.was_read("0" * 64)
    assert outbox.last_read() is None
    outbox.note_read("0" * 64, "bounce", NOW, case=LETTER.case, letter=FIRST, matched_by="x")
    outbox.note_read("1" * 64, "person", NOW)
    assert outbox.was_read("0" * 64)
    assert outbox.read_counts() == {"bounce": 1, "person": 1}
    assert outbox.last_read() == NOW


def test_forgetting_leaves_numbers_and_history(ledger: Ledger) -> None:
    """In each database."""
    cases = Cases(ledger)
    case = cases.open(NEW, [_finding(7), _finding(9)])
    Outbox(ledger).plan(LETTER, NOW)
    forgetting = CaseForgetting(ledger)
    assert forgetting.named([Range(7, 8)]) == 2
    forgetting.forget_addresses([Range(7, 8)])
    assert forgetting.named([Range(7, 8)]) == 0
    assert cases.get(case.number).key.email == "abuse@altamar.example"
    forgetting.forget_addresses([Range(9, 9)])
    after = cases.get(case.number)
    assert (after.key.email, after.closed_by) == ("", Closing.OPTED_OUT)
    assert Outbox(ledger).get(case.number, FIRST).recipient == ""
    assert len(cases.history(case.number)) == 4
    assert cases.open(NEW, ()).number == "OSYS-2026-000002"
