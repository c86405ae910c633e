"""What the ledger says of lots and letters is the table that the analysis compares."""

import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from survey.flows.told import watched_from, write_told
from survey.model.case import Case, CaseFinding, CaseKey, CaseState, Happened, OutboxLetter
from survey.model.episode import ExposureKind
from survey.model.experiment import Draw, Group, Medium, Wording
from survey.model.letter import LetterKind, LetterState
from survey.model.probe import Probe
from survey.storage.cases import Cases
from survey.storage.layout import Layout
from survey.storage.ledger import Ledger
from survey.storage.outbox import Outbox
from survey.storage.schemas import TOLD

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
IP = 0xC0000207
DAY = timedelta(days=1)


class Desk:
    """A ledger with cases."""

    def __init__(self, folder: Path) -> None:
        self.layout = Layout(folder / "data")
        self.ledger = Ledger.open(f"sqlite:///{folder / 'ledger.db'}", folder / "ledger.lock")
        self.cases, self.outbox = Cases(self.ledger), Outbox(self.ledger)

    def case(self, *findings: tuple[int, int, Probe], draw: Draw | None = None) -> Case:
        """A case of proxies with these findings, and its lot."""
        key = CaseKey("made", "es-prueba", "desk@operator.example", 64500, ExposureKind.PROXY)
        blank = Case("", key, "", "", "made", None, "", CaseState.OPEN, NOW, NOW)
        found = [CaseFinding("", *one, "2026-W48", NOW, NOW) for one in findings]
        case = self.cases.open(blank, found)
        return self.cases.draw(case, draw, draw.drawn_at) if draw else case

    def letter(self, case: Case, state: LetterState, sent_at: datetime | None) -> OutboxLetter:
        """Its first notice, as far as that."""
        planned = OutboxLetter(
            *(case.number, LetterKind.FIRST_NOTICE, LetterState.PLANNED, case.key.email, "es"),
            *("0" * 64, "1" * 64, "letters/made", 1, f"{case.number}@example", NOW, NOW),
        )
        letter = self.outbox.plan(planned, NOW)
        if state is LetterState.PLANNED:
            return letter
        at = sent_at or NOW + 2 * DAY
        return self.outbox.mark(letter, state, Happened.SENT, at, sent_at=sent_at)

    def rows(self) -> list[dict]:
        """The table, written and read."""
        count = write_told(self.layout, self.cases, self.outbox, "made")
        table = pq.read_table(self.layout.campaign("made") / "told.parquet")
        assert table.schema.equals(TOLD)
        assert table.num_rows == count
        return table.to_pylist()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """An empty ledger."""
    made = Desk(tmp_path)
    yield made
    made.ledger.close()


def told(at: datetime = NOW, **more: object) -> Draw:
    """A lot by which a case is told at once."""
    return Draw("E0", at, **more)


def held_out(at: datetime = NOW) -> Draw:
    """A lot by which a case waits a fortnight."""
    return Draw("E0", at, Group.HELD_OUT, at + 14 * DAY)


def test_who_is_held_out_has_a_row_from_the_lot_on(desk: Desk) -> None:
    """Before any letter is sent, and the same when it has been: as drawn."""
    case = desk.case((IP, 1080, Probe.SOCKS5), draw=held_out())
    (before,) = desk.rows()
    assert (before["label"], before["started_at"], before["drawn_at"]) == ("held_out", NOW, NOW)
    assert before["until"] == NOW + 14 * DAY
    assert (before["sent_at"], before["delivered"], before["bounced"]) == (None, None, None)
    desk.letter(case, LetterState.SENT, NOW + 15 * DAY)
    (after,) = desk.rows()
    assert (after["label"], after["started_at"]) == ("held_out", NOW)
    assert (after["sent_at"], after["delivered"]) == (NOW + 15 * DAY, True)


def test_who_is_to_be_told_is_drawn_at_once_and_starts_with_the_letter(desk: Desk) -> None:
    """So that a letter that never went out is not lost to the comparison."""
    draw = told(language="en", medium=Medium.PDF, wording=Wording.STEPS_FIRST)
    case = desk.case((IP, 1080, Probe.SOCKS5), draw=draw)
    desk.letter(case, LetterState.PLANNED, None)
    (before,) = desk.rows()
    assert (before["label"], before["started_at"], before["sent_at"]) == ("told", None, None)
    assert (before["language"], before["medium"], before["wording"]) == ("en", "pdf", "steps_first")
    assert (before["agency"], before["experiment"]) == ("es-prueba", "E0")
    assert (before["case"], before["ip"], before["port"]) == (case.number, IP, 1080)


@pytest.mark.parametrize(
    ("state", "sent_at", "delivered"),
    [
        (LetterState.SENT, NOW + DAY, True),
        (LetterState.ANSWERED, NOW + DAY, True),
        (LetterState.BOUNCED, NOW + DAY, False),
        (LetterState.BOUNCED, None, False),
    ],
)
def test_delivered_and_bounced_are_told_apart(
    desk: Desk, state: LetterState, sent_at: datetime | None, *, delivered: bool
) -> None:
    """One that was refused at once had been sent as well."""
    desk.letter(desk.case((IP, 1080, Probe.SOCKS5), draw=told()), state, sent_at)
    (row,) = desk.rows()
    assert (row["delivered"], row["bounced"]) == (delivered, not delivered)
    assert row["sent_at"] == row["started_at"] == (sent_at or NOW + 2 * DAY)


def test_without_an_experiment_only_letters_that_went_out_have_rows(desk: Desk) -> None:
    """They tell how long closing took after a letter, and nothing about chance."""
    sent, planned = (desk.case((IP + at, 1080, Probe.SOCKS5), draw=Draw("", NOW)) for at in (0, 1))
    desk.letter(sent, LetterState.SENT, NOW + DAY)
    desk.letter(planned, LetterState.PLANNED, None)
    (row,) = desk.rows()
    assert (row["case"], row["experiment"], row["drawn_at"]) == (sent.number, "", None)
    assert (row["label"], row["started_at"]) == ("told", NOW + DAY)


def test_what_came_after_the_lot_is_told_and_was_not_drawn(desk: Desk) -> None:
    """Only what chance decided about is compared."""
    case = desk.case((IP, 1080, Probe.SOCKS5), draw=told())
    late = CaseFinding(case.number, IP + 1, 1080, Probe.SOCKS5, "2026-W48", NOW + DAY, NOW)
    desk.cases.add(case, [late], NOW + DAY)
    desk.letter(case, LetterState.SENT, NOW + 2 * DAY)
    rows = {row["ip"]: row for row in desk.rows()}
    assert (rows[IP]["experiment"], rows[IP + 1]["experiment"]) == ("E0", "")


def test_what_left_a_case_after_its_lot_stays_where_chance_put_it(desk: Desk) -> None:
    """Split, merged or opted out: the analysis sorts that out, the table keeps the draw."""
    case = desk.case((IP, 1080, Probe.SOCKS5), (IP + 1, 1080, Probe.SOCKS5), draw=told())
    desk.cases.leave(case, [(IP, 1080, Probe.SOCKS5)], NOW + DAY, "another case")
    assert [row["ip"] for row in desk.rows()] == [IP, IP + 1]


def test_a_port_that_several_tests_proved_is_one_exposure(desk: Desk) -> None:
    """As an episode is."""
    desk.case((IP, 1080, Probe.SOCKS5), (IP, 1080, Probe.SOCKS4), draw=told())
    assert len(desk.rows()) == 1


def test_the_table_is_private_and_the_same_ledger_makes_the_same_one(desk: Desk) -> None:
    """It names hosts, and what was told once stays told."""
    desk.case((IP, 1080, Probe.SOCKS5), draw=held_out())
    desk.rows()
    path = desk.layout.campaign("made") / "told.parquet"
    first = path.read_bytes()
    desk.rows()
    assert path.read_bytes() == first
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_both_groups_are_tested_on_the_same_days_from_the_lot_on(desk: Desk) -> None:
    """Else those told would be seen closed sooner, only because they are asked more often."""
    waits = desk.case((IP, 1080, Probe.SOCKS5), draw=held_out())
    early = desk.case((IP + 1, 1080, Probe.SOCKS5), draw=told())
    unsent = desk.case((IP + 2, 1080, Probe.SOCKS5), draw=told())
    plain = desk.case((IP + 3, 1080, Probe.SOCKS5), draw=Draw("", NOW))
    silent = desk.case((IP + 4, 1080, Probe.SOCKS5), draw=Draw("", NOW))
    for case in (early, plain):
        desk.letter(case, LetterState.SENT, NOW + DAY)
    found = watched_from(desk.cases, desk.outbox, "made", NOW + 2 * DAY)
    assert {waits.number, early.number, unsent.number, plain.number} == found.keys()
    assert silent.number not in found
    assert [found[case.number] for case in (waits, early, unsent)] == [NOW] * 3
    assert found[plain.number] == NOW + DAY
    assert watched_from(desk.cases, desk.outbox, "made", NOW + 40 * DAY) == {}
