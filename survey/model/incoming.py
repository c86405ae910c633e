"""What came back to us by mail, as far as it says what became of a letter."""

from dataclasses import dataclass
from enum import StrEnum


class IncomingKind(StrEnum):
    """What a message in our mailbox is."""

    BOUNCE = "bounce"
    """A letter was not delivered, for good (RFC 3464, or as older servers say it)."""
    DELAY = "delay"
    """A mail server goes on trying."""
    AUTO_REPLY = "auto_reply"
    """A machine answered: away, ticket opened, read, delivered (RFC 3834)."""
    COMPLAINT = "complaint"
    """A reader's provider was told that it is spam (ARF, RFC 5965)."""
    STOP = "stop"
    """Somebody used the mailto of List-Unsubscribe."""
    PERSON = "person"
    """Somebody wrote."""
    UNREADABLE = "unreadable"
    """No message at all."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """One message; a stranger's words, bounded, none of them shown to anybody.

    Attributes:
        kind: What it is.
        sender: From whom it says it is, ``local@domain`` in lower case, or "".
        to: Every address that it came to, joined by spaces.
        about: Message-IDs and envelope senders of what it answers or reports, joined by spaces.
        cases: Case numbers that it names, each once, in their order.
        failed: Mailboxes that it says were not reached, in lower case.
        status: The enhanced status that it gives, ``5.1.1``, or "".
        detail: What a feedback report calls it, or "".
    """

    kind: IncomingKind
    sender: str
    to: str
    about: str
    cases: tuple[str, ...]
    failed: frozenset[str]
    status: str
    detail: str
