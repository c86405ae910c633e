"""What sources of contacts answered, as it is kept."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from survey.errors import StorageError
from survey.model.address import Range, parse_ip
from survey.model.contact import ContactSource
from survey.model.contact_answer import Answer, AnswerState, Mailbox
from survey.storage.contact_answers import ContactAnswers
from survey.storage.layout import Layout

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
IP = parse_ip("192.0.2.7")
NET = Range(parse_ip("192.0.2.0"), parse_ip("192.0.2.127"))
FOUND = Answer(
    ContactSource.RDAP,
    NET,
    AnswerState.FOUND,
    (Mailbox("abuse@a.example", "A", "es"), Mailbox("noc@a.example")),
    "rdap.arin.example",
    "",
    NOW,
    NOW,
)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """An empty data directory."""
    return Layout(tmp_path / "data")


def test_an_answer_comes_back_as_it_was(layout: Layout) -> None:
    """With all mailboxes, in their order."""
    answers = ContactAnswers(layout)
    unsure = replace(
        FOUND,
        source=ContactSource.ABUSE_C,
        about=Range(IP, IP),
        state=AnswerState.UNSURE,
        mailboxes=(),
        server="",
        trouble="it is busy",
    )
    answers.add(FOUND)
    answers.add(unsure)
    answers.save()
    again = ContactAnswers(layout)

    assert again.of(ContactSource.RDAP, IP) == FOUND
    assert again.of(ContactSource.ABUSE_C, IP) == unsure
    assert again.of(ContactSource.ABUSE_C, IP + 1) is None
    assert again.of(ContactSource.REVERSE_NAME, IP) is None
    assert layout.contact_answers.stat().st_mode & 0o777 == 0o600


def test_the_last_answer_counts(layout: Layout) -> None:
    """About the network or about the address alone, whichever came later."""
    answers = ContactAnswers(layout)
    later = NOW + timedelta(days=1)
    alone = replace(FOUND, about=Range(IP, IP), mailboxes=(), asked_at=later)
    answers.add(alone)
    answers.add(FOUND)

    assert answers.of(ContactSource.RDAP, IP) == alone
    assert answers.of(ContactSource.RDAP, IP + 1) == FOUND
    answers.add(replace(FOUND, asked_at=later + timedelta(days=1), server="another"))
    last = answers.of(ContactSource.RDAP, IP)
    assert last is not None
    assert last.server == "another"


def test_two_processes_keep_each_others_answers(layout: Layout) -> None:
    """Whoever saves last does not forget what the other one wrote."""
    one, two = ContactAnswers(layout), ContactAnswers(layout)
    one.add(FOUND)
    two.add(replace(FOUND, source=ContactSource.ABUSE_ZONE))
    one.save()
    two.save()
    two.save()

    again = ContactAnswers(layout)
    assert again.of(ContactSource.RDAP, IP) == FOUND
    assert again.of(ContactSource.ABUSE_ZONE, IP) is not None


def test_nothing_new_writes_nothing(layout: Layout) -> None:
    """Who only looks leaves no file."""
    ContactAnswers(layout).save()

    assert not layout.contact_answers.exists()


def test_a_damaged_table_is_one_line(layout: Layout) -> None:
    """With the cure: nothing is lost but questions."""
    layout.contact_answers.parent.mkdir(parents=True)
    layout.contact_answers.write_bytes(b"PAR1")

    with pytest.raises(StorageError, match="remove it"):
        ContactAnswers(layout)
