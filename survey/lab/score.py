"""How well a scan did, held against the lab's truth."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from survey.lab.world import Truth
from survey.model.probe import Probe

Opened = tuple[int, int, Probe]
"""Address, port and probe of something that was called open."""


@dataclass(frozen=True, slots=True)
class Score:
    """What was called open against what is open.

    Attributes:
        right: Called open and open.
        wrong: Called open but not open: false accusations.
        missed: Open but not called so.
    """

    right: int
    wrong: int
    missed: int

    @property
    def precision(self) -> float:
        """Share of what was called open that is; 1.0 if nothing was called open."""
        called = self.right + self.wrong
        return self.right / called if called else 1.0

    @property
    def recall(self) -> float:
        """Share of what is open that was called so; 1.0 if nothing is open."""
        there = self.right + self.missed
        return self.right / there if there else 1.0


def score(called_open: AbstractSet[Opened], truth: Iterable[Truth]) -> Score:
    """Compare; what the truth does not list is not open."""
    really = {(one.ip, one.port, one.probe) for one in truth if one.open}
    return Score(
        right=len(called_open & really),
        wrong=len(called_open - really),
        missed=len(really - called_open),
    )
