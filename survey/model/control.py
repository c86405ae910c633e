"""What the coordinator says to its workers, again and again; silence means stop."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Lease:
    """The right of one handing-out of one shard to use one slot, for as long as it is repeated.

    Attributes:
        slot: Which share of the cap.
        shard: Index of the shard.
        attempt: Which handing-out of the shard.
    """

    slot: int
    shard: int
    attempt: int


@dataclass(frozen=True, slots=True)
class Control:
    """The coordinator's word on a run, rewritten at every beat.

    A worker that sees no new ``beat`` for the lease's time to live, by its own monotonic clock,
    stops sending (dead-man's switch, law 5); so does one whose lease is no longer among ``leases``.

    Attributes:
        epoch: Which coordinator speaks; grows by one with each.
        beat: Grows with each rewriting.
        stop: Workers finish nothing new, break off, and commit nothing partial.
        paused: Workers send nothing new until this is false again.
        rate: Packets/s for the whole run, at most the plan's cap.
        leases: Who may send; a worker that was given up for lost is no longer in it.
    """

    epoch: int
    beat: int
    stop: bool
    paused: bool
    rate: int
    leases: tuple[Lease, ...]


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a person asked of the coordinator from another process.

    Attributes:
        stop: End the scan; it can be resumed.
        paused: Send nothing new for the time being.
        rate: Packets/s for the whole run; None for the plan's cap.
    """

    stop: bool = False
    paused: bool = False
    rate: int | None = None
