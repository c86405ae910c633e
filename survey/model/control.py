"""What the coordinator says to its workers, again and again; silence means stop."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Control:
    """The coordinator's word on a run, rewritten at every beat.

    A worker that sees no new ``beat`` for the lease's time to live, by its own monotonic clock,
    stops sending (dead-man's switch, law 5).

    Attributes:
        epoch: Which coordinator speaks; grows by one with each.
        beat: Grows with each rewriting.
        stop: Workers finish nothing new, break off, and commit nothing partial.
        paused: Workers send nothing new until this is false again.
        rate: Packets/s for the whole run, at most the plan's cap.
    """

    epoch: int
    beat: int
    stop: bool
    paused: bool
    rate: int
