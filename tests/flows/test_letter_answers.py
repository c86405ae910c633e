"""What came back is matched to its letter; only who had it can say what became of it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from judged_run import IP
from made_cases import NOW, MadePost, Office, made_post, make_office
from made_delivery import Crash, Steps
from made_incoming import ENVELOPE, LETTER, MESSAGE, OPERATOR, complaint, dsn, qmail_bounce, words

from survey.errors import StorageError
from survey.flows.letter_answers import Answers, read_answers
from survey.mail.carrier import DoubtError
from survey.mail.mailbox_source import Unread
from survey.model.address import parse_ip
from survey.model.case import Happened
from survey.model.letter import LetterKind, LetterState
from survey.notify.letter_token import letter_token
from survey.storage.cases import Cases
from survey.storage.outbox import Outbox
from survey.storage.suppression_list import Cause, read_list

FIRST = LetterKind.FIRST_NOTICE
CASE = "OSYS-2026-000001"


def stepping(change: Any, steps: Steps) -> Any:
    """A change with a step on each side."""

    def call(*args: Any, **named: Any) -> Any:
        steps.step()
        result = change(*args, **named)
        steps.step()
        return result

    return call


STATES = (LetterState.SENT, LetterState.BOUNCED, LetterState.ANSWERED)


@dataclass
class MadeSource:
    """A mailbox.

    Attributes:
        messages_: What it holds.
        breaks: It breaks behind them.
    """

    messages_: list[bytes] = field(default_factory=list)
    breaks: bool = False

    def messages(self, now: datetime) -> Iterator[Unread]:  # noqa: ARG002 - as the real ones
        """Each under a number of its own."""
        for at, data in enumerate(self.messages_):
            yield f"made/{at}", partial(bytes, data)
        if self.breaks:
            raise StorageError("the mailbox can't be read")


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """One relay that may be told."""
    office = make_office(tmp_path)
    office.judge(row for row in office.findings() if row["ip"] == parse_ip(IP["relay"]))
    office.plan()
    office.approve_all()
    yield office
    office.ledger.close()


@pytest.fixture
def post(tmp_path: Path) -> MadePost:
    """A way out that takes everything."""
    return made_post(tmp_path)


@pytest.fixture
async def told(office: Office, post: MadePost) -> Office:
    """Its letter went out."""
    await office.send(post)
    return office


def _true(office: Office, data: bytes) -> bytes:
    """With our letter's token instead of an invented one."""
    token = letter_token(office.key, CASE, FIRST).encode()
    return data.replace(ENVELOPE.partition("+")[2].partition("@")[0].encode(), token)


def _read(office: Office, *messages: bytes, true: bool = True) -> Answers:
    source = MadeSource([_true(office, one) if true else one for one in messages])
    return read_answers(office.ledger, office.desk().reach, office.key, [source], NOW)


def _state(office: Office) -> LetterState:
    return office.letters()[CASE, FIRST].state


def _happened(office: Office) -> list[Happened]:
    return [one.what for one in office.desk().cases.history(CASE)]


def _suppressed(office: Office, email: str = OPERATOR) -> Cause | None:
    entry = read_list(office.contacts.with_name("suppressed.log")).of(email)
    return entry.cause if entry else None


def test_hard_bounce_ends_the_letter_and_suppresses_the_mailbox(told: Office) -> None:
    """No other case writes there again, either."""
    done = _read(told, dsn())
    assert done == Answers({"bounce": 1}, {"envelope": 1}, {"first_notice bounced": 1}, unmatched=0)
    assert _state(told) is LetterState.BOUNCED
    assert _suppressed(told) is Cause.DEAD


def test_qmails_words_are_a_bounce_too(told: Office) -> None:
    """The address that it came to says which letter."""
    _read(told, qmail_bounce())
    assert _state(told) is LetterState.BOUNCED


@pytest.mark.parametrize("status", ["5.2.2", "5.7.1", "4.4.7"])
def test_bounce_of_a_living_mailbox_suppresses_nothing(told: Office, status: str) -> None:
    """Full, filtered, or given up: the letter did not get there, another may."""
    _read(told, dsn(status))
    assert _state(told) is LetterState.BOUNCED
    assert _suppressed(told) is None


def test_bounce_is_known_by_the_letter_that_it_holds(told: Office) -> None:
    """Some servers send it to the From line."""
    done = _read(told, dsn(to="desk@survey.example"))
    assert done.matched == {"message": 1}
    assert _state(told) is LetterState.BOUNCED


def test_forged_bounce_changes_nothing(told: Office) -> None:
    """It names the case, and has no true token: anybody can write that."""
    done = _read(told, dsn(), qmail_bounce(), true=False)
    assert done.letters == {}
    assert _state(told) is LetterState.SENT
    assert _suppressed(told) is None
    assert Happened.UNPROVEN in _happened(told)


def test_bounce_of_another_mailbox_does_not_end_the_letter(told: Office) -> None:
    """The operator's own forwarding has a dead end; he has it all the same."""
    _read(told, dsn(recipient="old.colleague@altamar.example"))
    assert _state(told) is LetterState.SENT
    assert _suppressed(told) is None


def test_delay_is_noted(told: Office) -> None:
    """Nothing is known yet."""
    _read(told, dsn("4.4.1", "delayed"))
    assert _state(told) is LetterState.SENT
    assert Happened.DELAYED in _happened(told)


def test_machines_answer_is_no_answer(told: Office) -> None:
    """A ticket number reads no letter."""
    _read(told, words(Auto_Submitted="auto-replied"), words(X_Autoreply="yes"))
    assert _state(told) is LetterState.SENT
    assert _happened(told).count(Happened.AUTO_REPLY) == 2


def test_persons_answer_is_one(told: Office) -> None:
    """By what it answers, wherever it comes from."""
    done = _read(told, words("m.ruiz@elsewhere.example"))
    assert done.letters == {"first_notice answered": 1}
    assert _state(told) is LetterState.ANSWERED


def test_person_who_names_the_case_counts_from_the_operators_domain(told: Office) -> None:
    """Numbers can be guessed, so others only leave a note."""
    naming = {"subject": f"{CASE} is closed", "answers": ""}
    _read(told, words("stranger@elsewhere.example", **naming))
    assert _state(told) is LetterState.SENT
    source = MadeSource([b"", words("noc@altamar.example", **naming)])
    read_answers(told.ledger, told.desk().reach, told.key, [source], NOW)
    assert _state(told) is LetterState.ANSWERED


def test_answer_after_a_bounce_is_an_answer(told: Office) -> None:
    """Somebody read it after all."""
    _read(told, dsn("5.7.1"), words())
    assert _state(told) is LetterState.ANSWERED


def test_complaint_stops_the_case_and_the_mailbox(told: Office) -> None:
    """Who calls it spam gets no reminder."""
    _read(told, complaint(headers_only=True))
    assert _suppressed(told) is Cause.ASKED
    assert told.case_of("relay").stopped
    assert Happened.COMPLAINT in _happened(told)


def test_forged_complaint_stops_nothing(told: Office) -> None:
    """It would be an easy way to keep somebody from being told."""
    _read(told, complaint(), true=False)
    assert _suppressed(told) is None
    assert not told.case_of("relay").stopped


@pytest.mark.parametrize(
    ("sender", "stops"), [(OPERATOR, True), ("stranger@elsewhere.example", False)]
)
def test_mailto_of_list_unsubscribe_stops_letters(
    told: Office, sender: str, *, stops: bool
) -> None:
    """From the operator; a stranger's is left to people."""
    _read(told, words(sender, subject=f"no more letters {CASE}", answers=""))
    assert told.case_of("relay").stopped is stops
    assert (_suppressed(told) is Cause.ASKED) is stops


async def test_something_that_comes_back_settles_a_doubt(office: Office, post: MadePost) -> None:
    """Whatever it is, the letter did go out."""
    post.handing.append(DoubtError("the connection broke before the answer"))
    await office.send(post)
    assert _state(office) is LetterState.SENDING
    _read(office, words(Auto_Submitted="auto-replied"))
    letter = office.letters()[CASE, FIRST]
    assert (letter.state, letter.sent_at) == (LetterState.SENT, NOW)


def test_nothing_is_counted_twice(told: Office) -> None:
    """The mailbox keeps its messages; we remember which we read."""
    assert _read(told, words()).read == {"person": 1}
    before = _happened(told)
    assert _read(told, words()).read == {}
    assert _happened(told) == before


def test_mailbox_that_breaks_is_read_on(told: Office) -> None:
    """What was read before it broke counts."""
    source = MadeSource([_true(told, words())], breaks=True)
    with pytest.raises(StorageError):
        read_answers(told.ledger, told.desk().reach, told.key, [source], NOW)
    assert _state(told) is LetterState.ANSWERED
    assert _read(told, words(), dsn()).read == {"bounce": 1}


def test_reading_that_dies_anywhere_is_done_by_the_next(
    told: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each message counts once, with all that it means or nothing of it."""
    messages = [
        words(Auto_Submitted="auto-replied"),
        dsn("4.4.1", "delayed"),
        words(subject=f"no more letters {CASE}", answers=""),
        words(),
    ]
    steps = Steps()
    for owner, name in ((Cases, "note"), (Cases, "stop"), (Outbox, "mark"), (Outbox, "note_read")):
        monkeypatch.setattr(owner, name, stepping(getattr(owner, name), steps))
    for fatal in range(40):
        steps.fatal, steps.done = fatal, 0
        try:
            _read(told, *messages)
        except Crash:
            continue
        break
    assert fatal > 5
    happened = _happened(told)
    for what in (Happened.AUTO_REPLY, Happened.DELAYED, Happened.STOPPED, Happened.ANSWERED):
        assert happened.count(what) == 1, what
    assert told.desk().outbox.read_counts() == {
        "auto_reply": 1,
        "delay": 1,
        "stop": 1,
        "person": 1,
    }


def test_mail_about_nothing_of_ours_is_counted_and_left(told: Office) -> None:
    """A case that does not exist, a question, and nothing at all."""
    done = _read(told, words(answers="", text="OSYS-2026-999999?"), words(answers=""), b"")
    assert (done.unmatched, done.letters) == (3, {})


def test_made_messages_hold_the_marks_that_are_replaced() -> None:
    """Else every message here would be a forged one."""
    token = ENVELOPE.partition("+")[2].partition("@")[0]
    assert token in MESSAGE
    assert token.encode() in LETTER
