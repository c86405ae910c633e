"""What coordinator and workers say to each other, again and again; silence means stop."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Lease:
    """The right of one handing-out of one shard to use one slot, for as long as it is renewed.

    Attributes:
        slot: Which share of the cap.
        shard: Index of the shard.
        attempt: Which handing-out of the shard.
    """

    slot: int
    shard: int
    attempt: int


@dataclass(frozen=True, slots=True)
class Renewal:
    """A worker's question: may I go on?

    Attributes:
        epoch: The coordinator that it works for.
        lease: What it holds.
        holder: A random name that it chose when it began, hex; a lease has one holder ever.
        optouts: Entries of the opt-out log that its gate obeys; 0 before it has read the log.
    """

    epoch: int
    lease: Lease
    holder: str
    optouts: int


@dataclass(frozen=True, slots=True)
class Word:
    """The coordinator's answer.

    A worker that gets no answer for the lease's time to live, counted on its own clock from the
    moment when it asked, has stopped sending by then (dead-man's switch, law 5).

    Attributes:
        epoch: Which coordinator speaks; grows by one with each.
        granted: Whether the lease goes on; not so if the worker was given up for lost.
        stop: Break off, and commit nothing partial.
        paused: Send nothing new until this is false again.
        rate: Packets/s for the whole run, at most the plan's cap.
        optouts: Entries of the opt-out log; a gate that knows fewer must read it again.
        now: Seconds on the coordinator's clock, which the workers take turns by.
    """

    epoch: int
    granted: bool
    stop: bool
    paused: bool
    rate: int
    optouts: int
    now: float


@dataclass(frozen=True, slots=True)
class Term:
    """One coordinator's time in office on a data directory.

    Attributes:
        epoch: Its number.
        who: Host, process and a random name of it.
        lease_seconds: Time to live of its leases.
        over: Whether it ended with no lease that could still be alive.
    """

    epoch: int
    who: str
    lease_seconds: float
    over: bool


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a person asked of the coordinator from another process.

    Attributes:
        stop: End the scan; it can be resumed.
        paused: Send nothing new for the time being.
        rate: Packets/s for the whole run; None for the plan's cap.
        asked: How often something was asked; a new wish to go on also ends a pause that the scan
            made by itself.
    """

    stop: bool = False
    paused: bool = False
    rate: int | None = None
    asked: int = 0
