"""One shard after another, here and now: the reference for every other executor."""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from survey.cluster.executor import Broken, Done, Outcome, Report, Work
from survey.model.assignment import Assignment


class SerialExecutor:
    """Works in the coordinator's own thread, with one slot."""

    own_processes = False

    def leases_at(self) -> tuple[str, int]:
        """Only we ourselves need to reach it."""
        return "127.0.0.1", 0

    @contextmanager
    def open(self, work: Work, report: Report) -> Iterator["SerialPool"]:
        """A pool of one."""
        yield SerialPool(work, report)


class SerialPool:
    """A queue, worked off while the coordinator waits."""

    def __init__(self, work: Work, report: Report) -> None:
        self._work, self._report = work, report
        self._waiting: deque[Assignment] = deque()

    def width(self) -> int:
        """One."""
        return 1

    def prove(self, proof: Callable[[], None]) -> None:
        """Run the proof here."""
        proof()

    def submit(self, assignment: Assignment) -> None:
        """Queue it."""
        self._waiting.append(assignment)

    def wait(self, seconds: float) -> tuple[Outcome, ...]:  # noqa: ARG002 - as long as it takes
        """Do the next one."""
        if not self._waiting:
            return ()
        assignment = self._waiting.popleft()
        try:
            return (Done(assignment, self._work(assignment, self._report)),)
        except Exception as error:  # noqa: BLE001 - the coordinator judges it, as with any executor
            return (Broken(assignment, error),)
