"""One thing that ``survey purge`` takes away: what, why, how much, and how."""

from collections.abc import Callable
from dataclasses import dataclass, field

from survey.model.retention import Why


@dataclass(frozen=True, slots=True)
class Removal:
    """Rows, lines or files that go together; carried out any number of times, it goes once.

    Attributes:
        table: What it is (``model.holdings``).
        why: Why it goes.
        where: File, or folder where file names would name a host; below the data directory.
        files: How many files are written again or removed.
        rows: How many rows, lines or messages go, or lose what they said.
        carry_out: Does it; whether all of it could be done now.
        alone: It must not be done while a coordinator works here.
    """

    table: str
    why: Why
    where: str
    files: int
    rows: int
    carry_out: Callable[[], bool] = field(repr=False, compare=False)
    alone: bool = False


def doing(*steps: Callable[[], object]) -> Callable[[], bool]:
    """Steps that can always be done, one after the other."""

    def carry_out() -> bool:
        for step in steps:
            step()
        return True

    return carry_out
