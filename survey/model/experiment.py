"""Did the letter help?  What an agency may sign to find out, and what was drawn for one case.

Some cases wait for their letter, and letters differ, by a lot that nobody chose; only so can what
follows a letter be told from what would have happened without it.
"""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

MOST_DAYS = 14
"""Nobody waits longer for a letter than this, whoever signs."""

MOST_SHARE = 0.5
"""At most this share of the cases waits."""

OPERATORS = "operator"
"""In place of a language: the one that the operator would get without any experiment."""


class Group(StrEnum):
    """Whether a case gets its letter at once."""

    TOLD = "told"
    HELD_OUT = "held_out"


class Medium(StrEnum):
    """As what the letter comes."""

    TEXT = "text"
    """A mail, and nothing attached."""
    PDF = "pdf"
    """The same mail, with the letter on the agency's paper attached."""


class Wording(StrEnum):
    """In which order the letter says the same."""

    FINDINGS_FIRST = "findings_first"
    """What was found and how, then how to close it."""
    STEPS_FIRST = "steps_first"
    """How to close it, then what was found and how."""


@dataclass(frozen=True, slots=True)
class Experiment:
    """What an agency has signed; without it every case is told at once, in the usual form.

    Attributes:
        reference: By what the agency finds its decision again; names the experiment among others.
        reason: What it wants to know, one line.
        signed_by: Who decided.
        signed_on: When; nothing is drawn by lot before that day (UTC).
        until: Last day on which a case is drawn, or None.
        share: Share of cases that wait, 0 to 0.5.
        days: How many days they wait, 1 to 14 each; one of these by lot.
        languages: Arms: tags (BCP 47) or OPERATORS; empty: no such arm.
        media: Arms; empty: no such arm.
        wordings: Arms; empty: no such arm.
    """

    reference: str
    reason: str
    signed_by: str
    signed_on: date
    until: date | None
    share: float
    days: tuple[int, ...]
    languages: tuple[str, ...] = ()
    media: tuple[Medium, ...] = ()
    wordings: tuple[Wording, ...] = ()

    def on(self, day: date) -> bool:
        """Whether cases are drawn on that day."""
        return self.signed_on <= day and (self.until is None or day <= self.until)


@dataclass(frozen=True, slots=True)
class Draw:
    """What was drawn for one case: recorded before anything is sent, and never drawn again.

    Attributes:
        experiment: The experiment's reference; "" if nothing was drawn by lot.
        drawn_at: When, UTC; the clock of both groups starts here.
        group: Whether the letter goes out at once.
        until: Before this moment (UTC) no letter goes out; None: it needn't wait.
        language: The tag in which the letter is written, or OPERATORS.
        medium: As what it comes.
        wording: In which order it speaks.
    """

    experiment: str
    drawn_at: datetime
    group: Group = Group.TOLD
    until: datetime | None = None
    language: str = OPERATORS
    medium: Medium = Medium.TEXT
    wording: Wording = Wording.FINDINGS_FIRST
