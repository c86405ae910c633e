"""What the portal's answers need to know; the flow behind them finds it, cut to a jurisdiction."""

from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Protocol, TypeVar

from survey.model.address import Range
from survey.model.portal import PortalKey
from survey.model.probe import Probe

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """Part of a list.

    Attributes:
        items: In the list's order.
        after: What to ask for to get on, or "" at the end.
    """

    items: tuple[Item, ...]
    after: str


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody wants to see of a list; None leaves it open.

    Attributes:
        limit: At most so many.
        after: As the page before said, or "".
        addresses: Only in these ranges.
        asn: Only in this network.
        port: Only on this port.
        probe: Only by this test.
        run: Of this run, else of the newest.
        state: Only cases that stand so.
    """

    limit: int
    after: str = ""
    addresses: tuple[Range, ...] | None = None
    asn: int | None = None
    port: int | None = None
    probe: Probe | None = None
    run: str | None = None
    state: str | None = None


@dataclass(frozen=True, slots=True)
class Reader:
    """Who asks: a key that opens something now, and its agency.

    Attributes:
        key: The key; its scopes are those that its agency may have.
        name: The agency's name.
        languages: The agency's, most preferred first.
        tlp: Marking of all that it sees.
    """

    key: PortalKey
    name: str
    languages: tuple[str, ...]
    tlp: str


@dataclass(frozen=True, slots=True)
class ReportFile:
    """One file of a report, as its manifest names it."""

    name: str
    format: str
    media_type: str
    rows: int | None
    bytes: int
    sha256: str
    names_hosts: bool


@dataclass(frozen=True, slots=True)
class ReportSheet:
    """One report; its files are those that the key opens."""

    period: str
    run: str
    generated_at: datetime
    addresses_tested: int
    addresses_opted_out: int
    files: tuple[ReportFile, ...]


@dataclass(frozen=True, slots=True)
class FileBody:
    """One file's bytes."""

    name: str
    media_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class FindingRow:
    """One open finding as every feed tells of it; a stranger's words are bounded and visible."""

    id: str
    ip: str
    port: int
    probe: str
    rung: str
    rule: str
    confidence: int
    severity: str
    first_seen: datetime
    last_seen: datetime
    hostname: str
    asn: int | None
    network: str
    country: str
    egress_ip: str
    egress_elsewhere: bool
    banner: str
    software: str
    software_version: str
    advice_url: str


@dataclass(frozen=True, slots=True)
class Findings:
    """A page of open findings of one run."""

    run: str
    page: Page[FindingRow]


@dataclass(frozen=True, slots=True)
class CaseServer:
    """One finding of a case."""

    ip: str
    port: int
    probe: str
    added_at: datetime
    proven_at: datetime


@dataclass(frozen=True, slots=True)
class CaseLetter:
    """One letter of a case."""

    kind: str
    state: str
    sent_at: datetime | None


@dataclass(frozen=True, slots=True)
class CaseEvent:
    """Something that happened to a case."""

    at: datetime
    what: str
    letter: str | None


@dataclass(frozen=True, slots=True)
class CaseRow:
    """One case, as far as it lies in the jurisdiction.

    Attributes:
        number: ``OSYS-2026-000123``.
        kind: ``relay`` or ``proxy``.
        state: How it stands.
        closed_by: Why it was closed, or None.
        opened_at: UTC.
        closed_at: UTC, or None.
        asn: Its network, or None.
        network: That network's name, or "".
        ours: Whether its letters are written in the agency's name.
        contact: The operator's mailbox, if the case is ours; else "".
        servers: Its findings inside the jurisdiction.
    """

    number: str
    kind: str
    state: str
    closed_by: str | None
    opened_at: datetime
    closed_at: datetime | None
    asn: int | None
    network: str
    ours: bool
    contact: str
    servers: tuple[CaseServer, ...]


@dataclass(frozen=True, slots=True)
class CaseSheet:
    """One case with its letters and history, which an agency has of its own cases only."""

    row: CaseRow
    letters: tuple[CaseLetter, ...]
    history: tuple[CaseEvent, ...]


@dataclass(frozen=True, slots=True)
class Month:
    """Wishes that came in a month, and how many addresses of the jurisdiction they were about."""

    month: str
    wishes: int
    addresses: int


@dataclass(frozen=True, slots=True)
class OptOutSheet:
    """Who in the jurisdiction is not tested any more; nobody is named.

    Attributes:
        addresses: How many addresses opted out.
        of_newest_run: How many of these the newest run would have tested.
        prefixes: Whole /24s and larger parts that did.
        elsewhere: Addresses that did and lie in none of ``prefixes``.
        months: When they wished it, oldest first.
    """

    addresses: int
    of_newest_run: int
    prefixes: tuple[str, ...]
    elsewhere: int
    months: tuple[Month, ...]


@dataclass(frozen=True, slots=True)
class Count:
    """How many of a kind."""

    what: str
    number: int


@dataclass(frozen=True, slots=True)
class AnswerSheet:
    """What came of the letters in the agency's name.

    Attributes:
        cases: Its cases by state, the closed ones by why.
        letters: Their letters by kind and state.
        answers: What came back: bounces, replies, complaints ...
        wishes: What operators asked for on the cases' pages.
    """

    cases: tuple[Count, ...]
    letters: tuple[Count, ...]
    answers: tuple[Count, ...]
    wishes: tuple[Count, ...]


class WithdrawnError(Exception):
    """The report names an address that opted out since; it must be made again."""


class NotReadyError(Exception):
    """What is asked for can't be told now: no run is judged, or a table can't be read."""


class Desk(Protocol):
    """What the portal asks for.

    Every method may be called from any thread, and leaves its line in the audit log before it gives
    anything back.
    """

    def reader(self, text: str) -> Reader | None:
        """Who shows this key, if it opens anything now."""

    def reader_of(self, id_: str) -> Reader | None:
        """Who has the key of that id, if it opens anything now."""

    def refused(self, reader: Reader, what: str) -> None:
        """Somebody asked for what the key does not open."""

    def noted(self, reader: Reader, what: str) -> None:
        """A person logged in, or a program asked what its key is."""

    def reports(self, reader: Reader, question: Question) -> Page[ReportSheet]:
        """The agency's reports, the newest period first."""

    def file(self, reader: Reader, period: str, name: str) -> FileBody | None:
        """One file of a report that the key opens.

        Raises:
            WithdrawnError: It names an address that opted out since.
        """

    def findings(self, reader: Reader, question: Question) -> Findings | None:
        """Open findings by address; None if there is no such run."""

    def cases(self, reader: Reader, question: Question) -> Page[CaseRow]:
        """Cases by number."""

    def case(self, reader: Reader, number: str) -> CaseSheet | None:
        """One case, if anything of it lies in the jurisdiction."""

    def optouts(self, reader: Reader) -> OptOutSheet:
        """Who is not tested any more, as counts."""

    def answers(self, reader: Reader) -> AnswerSheet:
        """What came of the letters, as counts."""
