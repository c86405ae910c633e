"""Later tests of single targets: why, when, and how each is to be made."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from survey.model.probe import Probe


class Reason(StrEnum):
    """Why a target is tested again; published, never renamed."""

    GREYLISTED = "greylisted"
    """It asked to come back later: the same sender and recipient, from the same address."""
    NEXT_ENVELOPE = "next_envelope"
    """It took a message and nothing arrived: the next forms of envelope."""
    SECOND_OPINION = "second_opinion"
    """It was found open: does another process, another client, see the same?"""
    REVERIFICATION = "reverification"
    """Is it still so, before somebody is written to?"""
    LIFECYCLE = "lifecycle"
    """Was it closed, since somebody was written to?"""
    WISH = "wish"
    """Somebody asked for it, with ``survey retest``."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A later test of one target.

    Attributes:
        ip: The address, as a number.
        port: The port.
        probe: Which test.
        reason: Why.
        variants: The variants to try; none stands for the probe's normal course.
        not_before: When it may be made at the earliest, UTC.
        token_attempt: The attempt whose tokens are to be used again, or None for its own.
        source: Local address that the observation behind it was sent from, or None.
        independent: For a second opinion: by somebody else's client, if one can carry it.
    """

    ip: int
    port: int
    probe: Probe
    reason: Reason
    variants: tuple[str, ...]
    not_before: datetime
    token_attempt: int | None = None
    source: int | None = None
    independent: bool = True

    @property
    def key(self) -> "Key":
        """Of those with one key, at most one waits at any time; a lifecycle has many days."""
        day = self.not_before if self.reason is Reason.LIFECYCLE else None
        return self.ip, self.port, self.probe, self.reason, self.variants, day


Key = tuple[int, int, Probe, Reason, tuple[str, ...], datetime | None]
"""Address, port, probe, reason, variants; of a lifecycle, when."""


@dataclass(frozen=True, slots=True)
class FollowUp:
    """A wanted test in a run's queue.

    Attributes:
        number: Its place in the queue, from 1; never reused.
        queued_at: When it was written down, UTC.
        wanted: What is to be done.
    """

    number: int
    queued_at: datetime
    wanted: Wanted


@dataclass(frozen=True, slots=True)
class Visit:
    """One follow-up as it is made in a round.

    Attributes:
        number: The follow-up's number in the run's queue.
        ip: The address, as a number.
        port: The port.
        probe: Which test.
        reason: Why.
        variants: The variants to try; none stands for the probe's normal course.
        attempt: What its observations are numbered with; no other of the target in the run is.
        token_attempt: The attempt whose tokens are used, or None for its own.
        source: Local address to send from, or None for those of the campaign in turn.
        independent: For a second opinion: by somebody else's client, if one can carry it.
        messages: Messages that the address got in this run before.
    """

    number: int
    ip: int
    port: int
    probe: Probe
    reason: Reason
    variants: tuple[str, ...]
    attempt: int
    token_attempt: int | None
    source: int | None
    independent: bool
    messages: int


@dataclass(frozen=True, slots=True)
class Round:
    """Follow-ups that are made together, frozen like a plan; its SHA-256 names it.

    All visits of an address are in one shard, so that its limits are kept in one place.

    Attributes:
        campaign: Campaign id.
        run: Run id; its plan's gate, rate, canary and identity count for every round of it.
        number: 1 for the run's first round, then counting.
        plan_hash: SHA-256 of the run's plan, hex.
        created_at: UTC.
        visits: What is done, shard by shard, in this order.
        bounds: Where each shard begins in ``visits``, and where the last one ends.
        was: Its hash before addresses were taken out of it, or "": receipts go on naming that.
    """

    campaign: str
    run: str
    number: int
    plan_hash: str
    created_at: datetime
    visits: tuple[Visit, ...]
    bounds: tuple[int, ...]
    was: str = ""

    @property
    def shards(self) -> int:
        """Number of shards."""
        return len(self.bounds) - 1

    @property
    def targets(self) -> int:
        """(address, port) pairs."""
        return len({(visit.ip, visit.port) for visit in self.visits})

    def shard(self, index: int) -> tuple[Visit, ...]:
        """The visits of one shard."""
        return self.visits[self.bounds[index] : self.bounds[index + 1]]
