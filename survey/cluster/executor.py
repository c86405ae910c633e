"""The seam between the coordinator and whatever carries out its shards.

An executor knows nothing of shards' insides: the work is a function that it is given.  It hands
each assignment out once and never again by itself; what is lost is the coordinator's to decide.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from survey.model.assignment import Assignment, Progress, Receipt

Report = Callable[[Progress], None]
Work = Callable[[Assignment, Report], Receipt]


@dataclass(frozen=True, slots=True)
class Done:
    """A shard came back committed."""

    assignment: Assignment
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class Broken:
    """The work raised: what went wrong is in ``error``, and the worker has stopped sending."""

    assignment: Assignment
    error: Exception


@dataclass(frozen=True, slots=True)
class Lost:
    """The worker is gone, or can't be reached; it may still be sending until its lease is over."""

    assignment: Assignment
    why: str


Outcome = Done | Broken | Lost


class Pool(Protocol):
    """Workers that are there."""

    def width(self) -> int:
        """How many shards they can work on at once, now."""

    def prove(self, proof: Callable[[], None]) -> None:
        """Run ``proof`` on every worker that is there; its error is raised here."""

    def submit(self, assignment: Assignment) -> None:
        """Hand a shard out."""

    def wait(self, seconds: float) -> tuple[Outcome, ...]:
        """What came back; after ``seconds`` at the latest, perhaps nothing."""


class Executor(Protocol):
    """A way to get workers.

    Attributes:
        own_processes: Whether workers are processes of their own, which a watchdog may end.
    """

    own_processes: bool

    def leases_at(self) -> tuple[str, int]:
        """Address of this machine, and port (0: any), where its workers can renew leases."""

    def open(self, work: Work, report: Report) -> AbstractContextManager[Pool]:
        """Workers that do ``work``; ``report`` is called, in any thread, as their shards go on."""
