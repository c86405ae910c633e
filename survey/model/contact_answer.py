"""What a source of contacts said about an address, and for how many addresses that is believed."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from survey.model.address import Range
from survey.model.contact import ContactSource

BLOCK_BITS = 8
"""An answer about a wider range is believed for the /24 around the asked address: inside of a wide
range there may be assignments with contacts of their own."""


@dataclass(frozen=True, slots=True)
class Mailbox:
    """One mailbox that a source names.

    Attributes:
        email: As it came; at most 254 printable ASCII characters.
        name: Whose it is, a stranger's words made safe to show, or "".
        language: Its language (BCP 47), or "".
    """

    email: str
    name: str = ""
    language: str = ""


@dataclass(frozen=True, slots=True)
class Said:
    """An answer.

    Attributes:
        about: Addresses that it holds for.
        mailboxes: Best first; empty: nobody is named.
        server: Who said so.
    """

    about: Range
    mailboxes: tuple[Mailbox, ...]
    server: str


class AnswerState(StrEnum):
    """What is known from a source."""

    FOUND = "found"
    NOBODY = "nobody"
    UNSURE = "unsure"
    """It could not be asked, or did not answer as it should."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as it is kept.

    Attributes:
        source: Who was asked.
        about: Addresses that it holds for.
        state: What is known.
        mailboxes: Best first.
        server: Who said so; "" if nobody did.
        trouble: Why nothing is known, one line, or "".
        since: When this state was first met in a row, UTC.
        asked_at: When it was last asked, UTC.
    """

    source: ContactSource
    about: Range
    state: AnswerState
    mailboxes: tuple[Mailbox, ...]
    server: str
    trouble: str
    since: datetime
    asked_at: datetime


def near(ip: int, part: Range) -> Range:
    """The part of a range for which an answer about an address in it is believed."""
    first = ip >> BLOCK_BITS << BLOCK_BITS
    last = first | (1 << BLOCK_BITS) - 1
    return Range(max(first, part.start), min(last, part.end))


def alone(ip: int) -> Range:
    """An address by itself."""
    return Range(ip, ip)
