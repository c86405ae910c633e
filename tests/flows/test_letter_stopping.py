"""One click stops letters, even those that are on their way."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from judged_run import IP
from made_cases import NOW, MadePost, Office, made_post, make_office

from survey.flows.letter_stopping import stop_letters
from survey.model.address import parse_ip
from survey.model.case import Happened
from survey.model.letter import LetterKind, LetterState
from survey.notify.letter_token import letter_token
from survey.storage.suppression_list import Cause, read_list

CASE = "OSYS-2026-000001"


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """One relay that may be told."""
    office = make_office(tmp_path)
    office.judge(row for row in office.findings() if row["ip"] == parse_ip(IP["relay"]))
    office.plan()
    yield office
    office.ledger.close()


@pytest.fixture
def post(tmp_path: Path) -> MadePost:
    """A way out that takes everything."""
    return made_post(tmp_path)


def _click(office: Office, kind: LetterKind = LetterKind.FIRST_NOTICE, number: str = CASE) -> bool:
    token = letter_token(office.key, number, kind)
    return stop_letters(office.ledger, office.desk().reach, office.key, token, NOW)


def test_one_click_stops_the_case_and_the_mailbox(office: Office) -> None:
    """Once; a second click changes nothing."""
    assert _click(office)
    assert _click(office)
    assert office.case_of("relay").stopped
    history = [one.what for one in office.desk().cases.history(CASE)]
    assert history.count(Happened.STOPPED) == 1
    entry = read_list(office.contacts.with_name("suppressed.log")).of("abuse@altamar.example")
    assert entry is not None
    assert entry.cause is Cause.ASKED


@pytest.mark.parametrize("token", ["", "x" * 1000, f"2026-000001-f-{'0' * 20}"])
def test_invented_token_stops_nothing(office: Office, token: str) -> None:
    """Nor does it tell whether there is such a case."""
    assert not stop_letters(office.ledger, office.desk().reach, office.key, token, NOW)
    assert not office.case_of("relay").stopped


def test_token_of_a_letter_that_was_never_written_stops_nothing(office: Office) -> None:
    """A true one, but of nothing."""
    assert not _click(office, LetterKind.REMINDER)
    assert not _click(office, number="OSYS-2026-000099")


async def test_click_wins_over_a_letter_that_is_being_sent(office: Office, post: MadePost) -> None:
    """It comes between recipient and message, while the sender holds the ledger."""
    office.approve_all()
    post.before_data = lambda: _click(office)
    await office.send(post)
    assert post.taken == []
    letter = office.letters()[CASE, LetterKind.FIRST_NOTICE]
    assert letter.state is LetterState.SUPPRESSED
    assert office.case_of("relay").stopped


async def test_click_on_the_site_wins_without_any_list(office: Office, post: MadePost) -> None:
    """The site may have no suppression list; the case itself says no."""
    office.approve_all()
    token = letter_token(office.key, CASE, LetterKind.FIRST_NOTICE)
    post.before_data = lambda: stop_letters(office.ledger, None, office.key, token, NOW)
    await office.send(post)
    assert post.taken == []
    assert office.letters()[CASE, LetterKind.FIRST_NOTICE].state is LetterState.SUPPRESSED
