"""A case: what one operator is written to about, and everything that happened to it."""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from survey.model.episode import ExposureKind
from survey.model.experiment import Draw
from survey.model.letter import LetterKind, LetterState
from survey.model.probe import Probe

NUMBER = re.compile(r"OSYS-([0-9]{4})-([0-9]{6,})")
"""How a case is numbered: the year in which it was opened, and a count that is never used again."""

Test = tuple[int, int, Probe]
"""Address, port, probe."""


def case_number(year: int, count: int) -> str:
    """``OSYS-2026-000123``."""
    return f"OSYS-{year:04d}-{count:06d}"


class CaseState(StrEnum):
    """How a case stands."""

    OPEN = "open"
    CLOSED = "closed"
    MERGED = "merged"
    """All its findings went over to another case, its ``successor``."""


class Closing(StrEnum):
    """Why a case was closed."""

    FIXED = "fixed"
    """Every episode of it is fixed: two negative checks on two days."""
    RETEST = "re-test"
    """A test that was asked for found all of it closed: stated at once, after one check."""
    LOST = "lost"
    """Nothing was heard of what is left of it for so long that nobody knows."""
    OPTED_OUT = "opted_out"
    """All its addresses opted out: nothing is known about them any more."""
    CENSORED = "censored"
    """The rows that it rests on are past their period."""


class Happened(StrEnum):
    """What can happen to a case, or to a letter of it."""

    OPENED = "opened"
    FOUND = "found"
    """A finding came in."""
    LEFT = "left"
    """A finding went out: to another case, or because its address opted out."""
    SPLIT = "split"
    MERGED = "merged"
    CONTACT = "contact"
    """Somebody else answers for all of it, and nothing was sent yet."""
    DRAWN = "drawn"
    """The lot decided whether and how it is told."""
    FROZEN = "frozen"
    """Its findings are those of its letter; what is found later opens another case."""
    CLOSED = "closed"
    CONFIRMED = "confirmed"
    """What one test had shown closed is closed by the rule of two days, too."""
    REOPENED = "reopened"
    PLANNED = "planned"
    APPROVED = "approved"
    LAPSED = "lapsed"
    """What was approved is not what would be sent; it waits for another approval."""
    SENDING = "sending"
    HANDING = "handing"
    """The one step is made after which the letter is out of our hands."""
    BACK = "back"
    """It did not go out, for certain, and may be tried again."""
    SENT = "sent"
    BOUNCED = "bounced"
    ANSWERED = "answered"
    SUPPRESSED = "suppressed"
    SETTLED = "settled"
    """A person found out what became of a letter in doubt."""
    AUTO_REPLY = "auto_reply"
    DELAYED = "delayed"
    """A mail server says that it goes on trying."""
    COMPLAINT = "complaint"
    UNPROVEN = "unproven"
    """A bounce that names the case and does not prove that its sender had our letter."""
    STOPPED = "stopped"
    """The operator wants no more letters about it."""


@dataclass(frozen=True, slots=True)
class CaseKey:
    """Whom and what a case is about; findings that share it are told in one letter.

    Attributes:
        campaign: Campaign id.
        agency: In whose name its letters are written (agency id); no letter names a host to two.
        email: The operator's mailbox, its domain in lower case.
        asn: Autonomous system number, or None where no registry knows one.
        kind: Relays or proxies: what has to be done about them differs.
    """

    campaign: str
    agency: str
    email: str
    asn: int | None
    kind: ExposureKind


@dataclass(frozen=True, slots=True)
class Case:
    """One case as it stands.

    Attributes:
        number: ``OSYS-2026-000123``; stays for good, whatever becomes of the case.
        key: Whom and what it is about.
        contact_name: The operator's name, a stranger's words, or "".
        language: The operator's language (BCP 47), or "".
        source: Who names the mailbox: a snapshot's id or another source.
        found_at: When it was found there, UTC, or None.
        network: Name of the network, a stranger's words, or "".
        state: How it stands.
        opened_at: UTC.
        changed_at: Last change of it, UTC.
        frozen_at: From when no finding comes in any more, UTC, or None while it gathers.
        closed_at: UTC, or None.
        closed_by: Why, or None.
        successor: The case that has its findings now, or "".
        draw: What the lot said, or None before it was drawn.
        stopped: The operator wants no more letters about it.
    """

    number: str
    key: CaseKey
    contact_name: str
    language: str
    source: str
    found_at: datetime | None
    network: str
    state: CaseState
    opened_at: datetime
    changed_at: datetime
    frozen_at: datetime | None = None
    closed_at: datetime | None = None
    closed_by: Closing | None = None
    successor: str = ""
    draw: Draw | None = None
    stopped: bool = False


@dataclass(frozen=True, slots=True)
class CaseFinding:
    """One finding of a case.

    Attributes:
        case: The case's number.
        ip: The address, as a number.
        port: The port.
        probe: Which test.
        run: The run that found it; its gate, limits and rounds count for later tests.
        added_at: When it came in, UTC.
        proven_at: Its last proof when it came in, UTC.
        left_at: When it went out, UTC, or None while it belongs to the case.
    """

    case: str
    ip: int
    port: int
    probe: Probe
    run: str
    added_at: datetime
    proven_at: datetime
    left_at: datetime | None = None

    @property
    def test(self) -> Test:
        """Address, port, probe."""
        return self.ip, self.port, self.probe


@dataclass(frozen=True, slots=True)
class CaseEvent:
    """Something that happened to a case; written once and never changed.

    Attributes:
        number: Its place in the history of all cases.
        case: The case's number.
        at: UTC.
        what: What happened.
        letter: Which letter it is about, or None.
        test: Which finding it is about, or None.
        detail: One line more; never an address.
        by: Who did it: a person, or "" for a rule.
    """

    number: int
    case: str
    at: datetime
    what: Happened
    letter: LetterKind | None
    test: Test | None
    detail: str
    by: str


@dataclass(frozen=True, slots=True)
class OutboxLetter:
    """One letter of a case: what would go out or went out, to whom, and how far it is.

    Attributes:
        case: The case's number; with ``kind`` it names the letter for ever.
        kind: Which letter of the case.
        state: How far it is.
        recipient: The mailbox.
        language: Its language (BCP 47).
        sha256: Of its content, without date and signature, hex: what an approval names.
        facts: Of what it tells to whom, hex; what is sent must still be so.
        content: Path of the content below the data directory.
        tests: How many findings it tells of.
        message_id: Its Message-ID, without angle brackets.
        planned_at: UTC.
        changed_at: Since when it is in this state, UTC.
        approved_by: Who approved it for the agency, or "".
        approved_at: UTC, or None.
        approved_sha256: Which content was approved, hex, or "".
        attempts: How often its sending was begun.
        handing_at: When it was last handed over, UTC, or None: it surely did not go out.
        sent_at: UTC, or None.
        receipt: What our mail server said to it, or how we know.
    """

    case: str
    kind: LetterKind
    state: LetterState
    recipient: str
    language: str
    sha256: str
    facts: str
    content: str
    tests: int
    message_id: str
    planned_at: datetime
    changed_at: datetime
    approved_by: str = ""
    approved_at: datetime | None = None
    approved_sha256: str = ""
    attempts: int = 0
    handing_at: datetime | None = None
    sent_at: datetime | None = None
    receipt: str = ""

    @property
    def in_doubt(self) -> bool:
        """Whether it may have gone out and nobody knows."""
        return self.state is LetterState.SENDING and self.handing_at is not None

    @property
    def was_sent(self) -> bool:
        """Whether it went out, whatever came back."""
        return self.sent_at is not None
