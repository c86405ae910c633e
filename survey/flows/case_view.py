"""A case as a person wants to see it: what it is, what it has, its letters, and all its history."""

import email
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from email.policy import SMTP

from survey.flows.letter_files import read_content
from survey.model.case import Case, CaseEvent, CaseFinding, OutboxLetter
from survey.model.letter import LetterKind
from survey.storage.audit import record
from survey.storage.cases import Cases
from survey.storage.layout import Layout
from survey.storage.ledger import Ledger
from survey.storage.outbox import Outbox


@dataclass(frozen=True, slots=True)
class CaseView:
    """One case with everything that belongs to it.

    Attributes:
        case: The case.
        findings: What it has or had.
        letters: Its letters.
        history: Everything that happened, oldest first.
    """

    case: Case
    findings: tuple[CaseFinding, ...]
    letters: tuple[OutboxLetter, ...]
    history: tuple[CaseEvent, ...]


@dataclass(frozen=True, slots=True)
class LetterView:
    """One letter as it would go out or went out.

    Attributes:
        letter: Its row.
        subject: Its subject.
        text: Its plain text.
        message: The whole message, without date and signature.
    """

    letter: OutboxLetter
    subject: str
    text: str
    message: bytes


@dataclass(frozen=True, slots=True)
class OutboxStatus:
    """How cases and letters stand; counts only, nothing about a host.

    Attributes:
        cases: Cases by state, closed ones by why.
        letters: Letters by kind and state.
        in_doubt: Letters that a person must settle.
        handed_today: Letters that were handed over in the last 24 hours.
        read: Messages in our mailbox that were counted, by kind.
        last_read: When the mailbox was read last, UTC, or None.
    """

    cases: dict[str, int]
    letters: dict[str, int]
    in_doubt: tuple[str, ...]
    handed_today: int
    read: dict[str, int]
    last_read: datetime | None


def view_case(layout: Layout, ledger: Ledger, number: str) -> CaseView:
    """One case; leaves an audit line, since it names hosts.

    Raises:
        ConfigError: There is no such case.
    """
    cases = Cases(ledger)
    case = cases.get(number)
    record(layout, "case", f"case={number}")
    found = [one for one in cases.findings(case.key.campaign) if one.case == number]
    letters = Outbox(ledger).letters(case=number)
    return CaseView(case, tuple(found), letters, cases.history(number))


def list_cases(ledger: Ledger, campaign: str | None = None) -> tuple[Case, ...]:
    """Every case."""
    return Cases(ledger).all(campaign)


def view_letter(
    layout: Layout, ledger: Ledger, number: str, kind: LetterKind | None = None
) -> LetterView:
    """A letter of a case: the named one, else its last; leaves an audit line.

    Raises:
        ConfigError: There is no such case, or it has no such letter.
        StorageError: Its content is gone or changed.
    """
    Cases(ledger).get(number)
    outbox = Outbox(ledger)
    letters = outbox.letters(case=number)
    newest = max(letters, key=lambda one: one.planned_at, default=None)
    wanted = kind or (newest.kind if newest else LetterKind.FIRST_NOTICE)
    letter = outbox.get(number, wanted)
    data = read_content(layout, letter)
    record(layout, "letter preview", f"case={number} letter={letter.kind}")
    subject, text = read_message(data)
    return LetterView(letter, subject, text, data)


def read_message(data: bytes) -> tuple[str, str]:
    """A letter's subject and plain text."""
    message = email.message_from_bytes(data, policy=SMTP)
    plain = message.get_body(("plain",))
    return str(message["Subject"]), str(plain.get_content()) if plain is not None else ""


def status(ledger: Ledger, since: datetime, campaign: str | None = None) -> OutboxStatus:
    """How everything stands."""
    outbox = Outbox(ledger)
    letters = outbox.letters(campaign)
    cases = Counter(
        f"{one.state}, {one.closed_by}" if one.closed_by else str(one.state)
        for one in Cases(ledger).all(campaign)
    )
    counted = Counter(f"{one.kind} {one.state}" for one in letters)
    return OutboxStatus(
        cases=dict(cases),
        letters=dict(counted),
        in_doubt=tuple(f"{one.case} {one.kind}" for one in letters if one.in_doubt),
        handed_today=outbox.handed_since(since),
        read=outbox.read_counts(),
        last_read=outbox.last_read(),
    )
