"""What a letter tells: the facts of one case, gathered by the flow, nothing decided here."""

from dataclasses import dataclass
from datetime import datetime

from survey.model.agency import Agency
from survey.model.contact import Contact
from survey.model.experiment import Medium
from survey.model.exposure import OpenServer
from survey.model.letter import LetterKind
from survey.model.listing import Listing
from survey.model.plan import Identity


@dataclass(frozen=True, slots=True)
class Notice:
    """One case, to be told to one reader.

    Attributes:
        case: Number by which the operator and we talk about it, ``OSYS-2026-000123``.
        preview: Nobody gets it; the letter says so.
        campaign: Campaign id.
        run: Run id.
        server: The finding that it is about first of all, of rung R5 or higher, and where it lies.
        listings: Public databases that name the address.
        contact: To whom it goes: who answers for the address, or (escalation) the national CERT.
        agency: In whose name the letter is written.
        identity: The operation's own mailbox and page, and who measures.
        kind: Which letter of the case.
        others: The case's further findings: open, too, or (thanks) closed, too.
        first_sent: When the first notice went out, UTC; every later letter names it.
        reminded: When the reminder went out, UTC, or None.
        tests_since: How many tests since the first notice found it open.
        closed_at: Since when it is closed (thanks), UTC.
        twice: Two tests on two days say so; one that was asked for may be enough to close a case.
        case_page: The page of the case, or "".
        written_to: The operator's mailbox that did not help (escalation), or "".
        bounced: A letter to it came back.
        medium: As what it goes out; a PDF is attached only if it says so.
        steps_first: The closing steps come before everything else (an experiment's wording).
    """

    case: str
    preview: bool
    campaign: str
    run: str
    server: OpenServer
    listings: tuple[Listing, ...]
    contact: Contact
    agency: Agency
    identity: Identity
    kind: LetterKind = LetterKind.FIRST_NOTICE
    others: tuple[OpenServer, ...] = ()
    first_sent: datetime | None = None
    reminded: datetime | None = None
    tests_since: int = 0
    closed_at: datetime | None = None
    twice: bool = True
    case_page: str = ""
    written_to: str = ""
    bounced: bool = False
    medium: Medium = Medium.TEXT
    steps_first: bool = False

    def __post_init__(self) -> None:
        """A letter that names an earlier one, or a closing, knows of it."""
        later = self.kind is not LetterKind.FIRST_NOTICE
        assert not later or self.first_sent is not None, self.case
        still = self.kind in {LetterKind.REMINDER, LetterKind.ESCALATION}
        assert not still or self.tests_since > 0, self.case
        assert self.kind is not LetterKind.THANKS or self.closed_at is not None, self.case
