"""What one probe of one target saw: facts, never a judgement."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from survey.model.client import Client
from survey.model.failure import Failure
from survey.model.probe import Probe

MAX_EVIDENCE = 512
"""Bytes of each direction that are kept as evidence."""


class Step(StrEnum):
    """How far a conversation got, in this order."""

    NOTHING = "nothing"
    """No connection."""
    CONNECTED = "connected"
    """TCP only; no valid word of the probe's protocol."""
    SPOKE = "spoke"
    """It spoke the probe's protocol (a 2xx greeting, an HTTP status line, a valid SOCKS reply)."""
    ACCEPTED = "accepted"
    """It accepted a stranger's wish: RCPT 2xx, or the tunnel granted."""
    SENT = "sent"
    """It took our data: 250 after the message, or our token was written into the tunnel."""
    ECHOED = "echoed"
    """The canary's nonce came back through the tunnel (proxies only)."""


class Protocol(StrEnum):
    """The protocol that the peer was heard to speak."""

    SMTP = "smtp"
    HTTP = "http"
    SOCKS4 = "socks4"
    SOCKS5 = "socks5"
    SSH = "ssh"
    FTP = "ftp"
    TLS = "tls"
    TELNET = "telnet"


@dataclass(frozen=True, slots=True)
class Observation:
    """One row of the observations table: one variant of one probe of one target.

    Attributes:
        ip: The tested address (the entry), as a number.
        port: The tested port.
        probe: Which test.
        variant: Which form of it: an envelope id (``V1``, ``C0``) for relays, ``echo``, ``mail`` or
            ``web`` for tunnels (to which of the canary's ports).
        canary_port: The canary's port that was asked for, 0 for relays.
        tls: Whether the conversation ran over TLS.
        attempt: 0 for the first try of the run, then counting follow-ups.
        started_at: When the connection was begun, UTC.
        duration: Seconds from then to the end.
        step: How far it got.
        failure: Why it ended early, or None if the dialogue came to its own end.
        protocol: What the peer was heard to speak, or None.
        refused_at: The command whose reply was a refusal (``EHLO``, ``MAIL``, ``RCPT``, ``DATA``,
            ``MESSAGE``, ``METHOD``, ``CONNECT``, ``GET``, ``POST``, ``LOGIN``, ``GREETING``), or
            None.
        code: The last reply's code (SMTP, HTTP status, SOCKS reply), or None.
        reply: The last reply's bytes, at most MAX_EVIDENCE.
        token: The token that this conversation carried (the recipient token for relays), or "".
        nonce: The canary's nonce as it came back, or "".
        received: The first bytes from the peer, at most MAX_EVIDENCE.
        sent: The first bytes we sent, at most MAX_EVIDENCE.
        bytes_in: All bytes from the peer.
        bytes_out: All bytes we sent.
        source: Local address that it was sent from, or None if no socket got so far.
        reason: Why a follow-up was made (``model.followup.Reason``), "" for the first try.
        client: Whose client carried it.
    """

    ip: int
    port: int
    probe: Probe
    variant: str
    canary_port: int
    tls: bool
    attempt: int
    started_at: datetime
    duration: float
    step: Step
    failure: Failure | None
    protocol: Protocol | None
    refused_at: str | None
    code: int | None
    reply: bytes
    token: str
    nonce: str
    received: bytes
    sent: bytes
    bytes_in: int
    bytes_out: int
    source: int | None = None
    reason: str = ""
    client: Client = Client.OURS
