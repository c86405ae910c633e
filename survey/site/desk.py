"""What the pages that answer need to know and to have done; the flow behind them does it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from survey.model.address import format_ip
from survey.model.case import Closing, Happened
from survey.model.letter import LetterKind
from survey.model.probe import Probe


class Look(StrEnum):
    """What the newest test of a server said, as it stands in the tables."""

    OPEN = "open"
    CLOSED = "closed"
    UNKNOWN = "unknown"


class Asked(StrEnum):
    """How a test stands that was asked for."""

    WAITING = "waiting"
    """It is queued or under way."""
    DONE = "done"
    """Its result is the newest look."""
    DROPPED = "dropped"
    """It can't be made: opted out, excluded, or as often tested as one may be."""


class Answer(StrEnum):
    """What became of a wish."""

    DONE = "done"
    TOO_SOON = "too_soon"
    """The same was asked for a moment ago, or too often today."""
    BUSY = "busy"
    """Too many people ask."""
    NOT_PLANNED = "not_planned"
    """The address is in no survey of ours, or has opted out."""
    WRONG = "wrong"
    """What was written can't be used."""
    NOT_FOUND = "not_found"
    """The record that shows control of an address is not there."""
    NO_ANSWER = "no_answer"
    """Whether it is there can't be told now."""


@dataclass(frozen=True, slots=True)
class ServerSheet:
    """One server of a case.

    Attributes:
        ip: The address, as a number.
        port: The port.
        probe: Which test found it.
        first_seen: First proof, UTC.
        last_open: Last proof, UTC.
        exit: Address from which it reached our server, if it is another, or "".
        software: Product id, if it named itself, or "".
        evidence: Its own words, bounded and visible, line by line.
        look: What the newest test said, or None.
        looked_at: When that was, UTC, or None.
        asked: How the last test asked for stands, or None if nobody asked.
        asked_at: When it was asked for, UTC, or None.
    """

    ip: int
    port: int
    probe: Probe
    first_seen: datetime
    last_open: datetime
    exit: str
    software: str
    evidence: tuple[str, ...]
    look: Look | None
    looked_at: datetime | None
    asked: Asked | None = None
    asked_at: datetime | None = None

    @property
    def name(self) -> str:
        """Names it on its page: address, port and test, whatever else the case has by then."""
        return f"{format_ip(self.ip)}:{self.port}/{self.probe}"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to the case, as its operator may know it."""

    at: datetime
    what: Happened
    letter: LetterKind | None


@dataclass(frozen=True, slots=True)
class CaseSheet:
    """One case as its page shows it.

    Attributes:
        number: ``OSYS-2026-000123``.
        language: The operator's, or "".
        agency: The agency's name.
        agency_page: Its page.
        relay: Whether it is about a mail relay; else a proxy.
        opened_at: UTC.
        closed_at: UTC, or None.
        closed_by: Why, or None.
        opted_out: Its addresses are tested no more.
        servers: What it is about.
        history: Oldest first.
        said_not_mine: Somebody said that it is not his.
    """

    number: str
    language: str
    agency: str
    agency_page: str
    relay: bool
    opened_at: datetime
    closed_at: datetime | None
    closed_by: Closing | None
    opted_out: bool
    servers: tuple[ServerSheet, ...]
    history: tuple[Event, ...]
    said_not_mine: bool = False


@dataclass(frozen=True, slots=True)
class OwnResult:
    """What the tests of one port said since they were asked for."""

    port: int
    relay: bool
    look: Look


@dataclass(frozen=True, slots=True)
class OwnSheet:
    """A test of one's own address.

    Attributes:
        ip: The address, as a number.
        asked_at: UTC.
        asked: How it stands.
        results: By port, once they are there.
    """

    ip: int
    asked_at: datetime
    asked: Asked
    results: tuple[OwnResult, ...]


class Desk(Protocol):
    """What the site's pages ask for; every method may be called from any thread."""

    @property
    def proves(self) -> bool:
        """Whether control of another address than the visitor's can be proven."""

    def case(self, number: str) -> CaseSheet | None:
        """One case, or None; whoever asks has shown its mark."""

    def test(self, number: str, name: str) -> Answer:
        """Test a case's server again, and nothing else; ``ServerSheet.name`` says which."""

    def not_mine(self, number: str, contact: str, words: str) -> Answer:
        """Write down that a case is somebody else's."""

    def opt_out(self, number: str, *, erase: bool) -> Answer:
        """Leave the case's addresses out of every test, at once."""

    def stop(self, token: str) -> Answer:
        """No further letter of a case; the token is that of one of its letters."""

    def own_test(self, ip: int) -> int | Answer:
        """Test the address that asks; the number of the wish."""

    def other_test(self, ip: int, token: str, visitor: str) -> int | Answer:
        """Test another address, once its reverse DNS has the token; the number of the wish."""

    def own(self, number: int) -> OwnSheet | None:
        """A test of one's own address."""
