"""What we say in public about a target, and how sure we are."""

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum

from survey.model.probe import Probe


class Verdict(StrEnum):
    """The four things that can be said."""

    OPEN = "open"
    SUSPECTED = "suspected"
    CLOSED = "closed"
    UNKNOWN = "unknown"


class Rung(IntEnum):
    """How far up the ladder of proof a target got (docs/architecture.md)."""

    R0 = 0
    """Unreachable, refused or filtered."""
    R1 = 1
    """The port is open; no word of the protocol."""
    R2 = 2
    """Speaks the protocol (and may refuse for certain)."""
    R3 = 3
    """Accepted a stranger's wish: suspected."""
    R4 = 4
    """Took our data."""
    R5 = 5
    """Confirmed at our canary."""
    R6 = 6
    """Confirmed and spam-capable: a message at our MX, or a tunnel to our MX's port."""
    R7 = 7
    """Reproduced by a second opinion; only this may lead to a letter."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The verdict on (campaign, run, ip, port, probe).

    Attributes:
        campaign: Campaign id.
        run: Run id.
        ip: The tested address, as a number.
        port: The tested port.
        probe: Which test.
        verdict: What is said.
        rung: How far up the ladder.
        rule: Published id of the rule that decided.
        exit_ip: Address from which it reached the canary (16 bytes), or None.
        first_seen: Start of the first observation behind it, UTC.
        last_seen: Start of the last observation behind it, UTC.
    """

    campaign: str
    run: str
    ip: int
    port: int
    probe: Probe
    verdict: Verdict
    rung: Rung
    rule: str
    exit_ip: bytes | None
    first_seen: datetime
    last_seen: datetime
