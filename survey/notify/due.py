"""Which letter of a case is due: rules as data, first match wins, one letter of each kind for ever.

What is known about letters that help (docs/letters.md): one letter, one reminder that has something
new to say, then somebody else; repeats only annoy.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from survey.model.case import Case, CaseState, Closing, OutboxLetter
from survey.model.letter import LetterKind, LetterState

_SENT = frozenset({LetterState.SENT})
_TOLD = frozenset({LetterState.SENT, LetterState.ANSWERED})
_BOUNCED = frozenset({LetterState.BOUNCED})


@dataclass(frozen=True, slots=True)
class Step:
    """One rule.

    Attributes:
        id: Published, never renamed.
        kind: The letter that is due.
        case: How the case must stand.
        after: The letter that must have gone before, or None.
        states: How that one must stand.
        wait: How long after it.
        still_open: A test since it must have found the case open: the letter's new fact.
        says: The rule in one sentence.
    """

    id: str
    kind: LetterKind
    case: CaseState
    after: LetterKind | None
    states: frozenset[LetterState]
    wait: timedelta
    still_open: bool
    says: str


STEPS = (
    Step(
        "first.open",
        LetterKind.FIRST_NOTICE,
        CaseState.OPEN,
        None,
        frozenset(),
        timedelta(),
        still_open=False,
        says="An open case is told, unless the lot has it wait.",
    ),
    Step(
        "thanks.closed",
        LetterKind.THANKS,
        CaseState.CLOSED,
        LetterKind.FIRST_NOTICE,
        _TOLD,
        timedelta(),
        still_open=False,
        says="A case that was told and is closed, by the rule of two days or by a test asked for.",
    ),
    Step(
        "escalation.first_bounced",
        LetterKind.ESCALATION,
        CaseState.OPEN,
        LetterKind.FIRST_NOTICE,
        _BOUNCED,
        timedelta(days=1),
        still_open=True,
        says="The first notice bounced, nobody else is known, and a later test found it open.",
    ),
    Step(
        "escalation.reminder_bounced",
        LetterKind.ESCALATION,
        CaseState.OPEN,
        LetterKind.REMINDER,
        _BOUNCED,
        timedelta(days=1),
        still_open=True,
        says="The reminder bounced, nobody else is known, and a later test found it open.",
    ),
    Step(
        "escalation.silence",
        LetterKind.ESCALATION,
        CaseState.OPEN,
        LetterKind.REMINDER,
        _SENT,
        timedelta(days=14),
        still_open=True,
        says="Two weeks after the reminder no person has answered, and it is still open.",
    ),
    Step(
        "reminder.still_open",
        LetterKind.REMINDER,
        CaseState.OPEN,
        LetterKind.FIRST_NOTICE,
        _SENT,
        timedelta(days=14),
        still_open=True,
        says="Two weeks after the first notice no person has answered, and it is still open.",
    ),
)

_THANKED = frozenset({Closing.FIXED, Closing.RETEST})
_NOT_BEGUN = frozenset({LetterState.PLANNED, LetterState.APPROVED})


def due_step(
    case: Case,
    letters: Mapping[LetterKind, OutboxLetter],
    open_since: Mapping[LetterKind, int],
    now: datetime,
) -> Step | None:
    """The step of a case that is due now and has not begun, or None.

    Args:
        case: The case.
        letters: Its letters as they are.
        open_since: How many tests since each letter was sent found it open.
        now: UTC.
    """
    if case.stopped or (case.draw is not None and case.draw.until and now < case.draw.until):
        return None
    return next((one for one in STEPS if _fits(one, case, letters, open_since, now)), None)


def _fits(
    step: Step,
    case: Case,
    letters: Mapping[LetterKind, OutboxLetter],
    open_since: Mapping[LetterKind, int],
    now: datetime,
) -> bool:
    mine = letters.get(step.kind)
    if case.state is not step.case or (mine is not None and mine.state not in _NOT_BEGUN):
        return False
    if step.kind is LetterKind.THANKS and case.closed_by not in _THANKED:
        return False
    if step.after is None:
        return True
    before = letters.get(step.after)
    if before is None or before.state not in step.states:
        return False
    since = before.sent_at or before.changed_at
    if now - since < step.wait:
        return False
    return not step.still_open or open_since.get(step.after, 0) > 0
