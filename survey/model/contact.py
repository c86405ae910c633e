"""Who answers for an address, who said so, and when; personal data (law 10)."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class ContactSource(StrEnum):
    """Where a contact was found; the first in this order that has a usable one decides."""

    OVERRIDE = "override"
    """The participating agency said so."""
    RDAP = "rdap"
    """The abuse role of the network, at the registry that has it (RFC 9083)."""
    ABUSE_C = "abuse_c"
    """The abuse-c of the RIPE database."""
    SNAPSHOT = "snapshot"
    """A registry snapshot that was imported."""
    ABUSE_ZONE = "abuse_zone"
    """A DNS zone of abuse contacts."""
    REVERSE_NAME = "reverse_name"
    """The abuse mailbox (RFC 2142) of the address's name, which leads back to it."""
    SECURITY_TXT = "security_txt"
    """What that name's organisation publishes (RFC 9116)."""
    CERT = "cert"
    """The national CERT."""


@dataclass(frozen=True, slots=True)
class Contact:
    """The contact of the range that holds an address.

    Attributes:
        email: Mailbox, checked for form only.
        name: Organisation, a stranger's words, or "".
        language: Its language (BCP 47), or "".
        snapshot: Id of the snapshot that says so, or "" for one that was found otherwise.
        source: Where it was found.
        server: Who said so: the snapshot, a file of ours, a server, a zone.
        found_at: When it was said, UTC; None if nobody wrote it down.
    """

    email: str
    name: str
    language: str
    snapshot: str
    source: ContactSource = ContactSource.SNAPSHOT
    server: str = ""
    found_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Tried:
    """One source that was looked at for an address.

    Attributes:
        source: Which.
        server: Who was asked, or "".
        said: What came of it, one line; a stranger's words made safe to show.
    """

    source: ContactSource
    server: str
    said: str


@dataclass(frozen=True, slots=True)
class Sought:
    """What looking for the contact of an address came to.

    Attributes:
        ip: The address.
        contact: To whom a letter about it goes, or None.
        problem: Why there is none, with the cure; "" if there is one.
        tried: Every source that was looked at, in order.
    """

    ip: int
    contact: Contact | None
    problem: str
    tried: tuple[Tried, ...]
