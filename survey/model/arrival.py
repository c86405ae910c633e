"""What reached our canary: one event each, verified against the token key."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class ArrivalKind(StrEnum):
    """What an event at the canary was.  Only the first two can ever prove anything."""

    MESSAGE = "message"
    """A message to a recipient token's mailbox (``complete``: whole, with its own HMAC inside)."""
    TUNNEL = "tunnel"
    """A token was spoken to the echo host or the MX and a nonce answered."""
    CALLOUT = "callout"
    """RCPT to a token's mailbox but no message: somebody verified the address."""
    DSN = "dsn"
    """A bounce: null sender to the sender token's mailbox."""
    STRAY = "stray"
    """A valid token in another place (MAIL FROM, EHLO); never proves."""
    CONNECTION = "connection"
    """A connection that brought no valid token."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """One row of the arrivals table.

    Attributes:
        at: When, UTC.
        kind: What it was.
        token: The verified token, or "" if there was none.
        nonce: What the canary answered, or "".
        peer: Address of the last hop, 16 bytes (IPv4 as ``::ffff:a.b.c.d``).
        peer_port: Its source port.
        canary_port: Our port that it came to.
        complete: For a message: it was whole and its body held the same message's HMAC.
        sender: Envelope sender, at most 320 bytes, hostile.
        helo: What the peer called itself, at most 255 bytes, hostile.
        size: Bytes of the message or conversation.
        headers: Of the request that brought a token in a tunnel, the lines by which a proxy names
            itself or its client, at most 512 bytes, hostile.
    """

    at: datetime
    kind: ArrivalKind
    token: str
    nonce: str
    peer: bytes
    peer_port: int
    canary_port: int
    complete: bool
    sender: bytes
    helo: bytes
    size: int
    headers: bytes = b""
