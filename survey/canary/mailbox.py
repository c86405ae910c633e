"""Which of our mailboxes an envelope names, if any: the only place that decides what we accept."""

from dataclasses import dataclass
from enum import StrEnum

from survey.protocols.token import Claims, TokenKind, find_token, read_token

STAFF = frozenset({b"postmaster", b"abuse"})


class Mailbox(StrEnum):
    """What a recipient address is to us.  Only RECIPIENT can ever prove a relay."""

    RECIPIENT = "recipient"
    """A recipient token, alone and unquoted, at one of our domains."""
    SENDER = "sender"
    """A sender token likewise: where bounces and callouts come home."""
    OTHER_TOKEN = "other_token"  # noqa: S105 - a name, no secret
    """A valid token of ours at one of our domains, but of another kind or rewritten on its way."""
    STAFF = "staff"
    """postmaster or abuse at one of our domains; people read it (RFC 2142)."""
    UNKNOWN = "unknown"
    """No mailbox of ours at one of our domains."""
    FOREIGN = "foreign"
    """Another domain, where we relay nothing."""

    @property
    def accepted(self) -> bool:
        """Whether RCPT gets a 250; every token of ours does, so that no bounce arises (law 2)."""
        return self not in (Mailbox.UNKNOWN, Mailbox.FOREIGN)


_OF_KIND = {TokenKind.RECIPIENT: Mailbox.RECIPIENT, TokenKind.SENDER: Mailbox.SENDER}


@dataclass(frozen=True, slots=True)
class Recipient:
    """A recipient as we understand it.

    Attributes:
        mailbox: What it is to us.
        token: The token in it, lower case, or "" if there is none.
        claims: What that token says, or None.
    """

    mailbox: Mailbox
    token: str = ""
    claims: Claims | None = None


def understand(key: bytes, domains: frozenset[bytes], address: bytes) -> Recipient:
    """What an address means; ``domains`` are ours, lower case."""
    local, at, domain = address.rpartition(b"@")
    if not at and address.lower() == b"postmaster":
        return Recipient(Mailbox.STAFF)  # RFC 5321 s4.5.1: without a domain too
    found = find_token(key, address)
    token, claims = found or ("", None)
    if not at or domain.lower() not in domains:
        return Recipient(Mailbox.FOREIGN, token, claims)
    if local.lower() in STAFF:
        return Recipient(Mailbox.STAFF)
    if claims is None:
        return Recipient(Mailbox.UNKNOWN)
    alone = read_token(key, local)
    mailbox = _OF_KIND.get(alone.kind) if alone is not None else None
    return Recipient(mailbox or Mailbox.OTHER_TOKEN, token, claims)
