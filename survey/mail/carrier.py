"""What every way of delivery has in common: prepare, hand over in one step, and ask afterwards.

A carrier does what it is told and keeps no record; who calls it writes each step down first.
"""

from typing import Protocol

from survey.errors import SurveyError
from survey.model.dispatch import Dispatch


class NotTakenError(SurveyError):
    """For certain not delivered.

    Attributes:
        final: Whether trying again would be of no use.
    """

    def __init__(self, text: str, *, final: bool) -> None:
        super().__init__(text)
        self.final = final


class DoubtError(SurveyError):
    """It may have been delivered, and may not."""


class Carrier(Protocol):
    """One way to one destination."""

    async def prepare(self, dispatch: Dispatch, data: bytes) -> None:
        """Everything up to the one step after which the receiver has it; may be done again.

        Raises:
            NotTakenError: It can't be done.
        """

    async def hand_over(self, dispatch: Dispatch, data: bytes) -> str:
        """The one step; what the receiver said to it.

        Raises:
            NotTakenError: The receiver did not take it, for certain.
            DoubtError: Nobody knows whether it did.
        """

    async def ask(self, dispatch: Dispatch) -> bool | None:
        """Whether the receiver has it, after the step was begun; None if it can't be told.

        Raises:
            NotTakenError: The receiver has something else in its place, or can't be asked now.
        """

    async def close(self) -> None:
        """Say goodbye."""
