"""Which letter is due: the table of rules, held against what it says."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from survey.model.case import Case, CaseKey, CaseState, Closing, OutboxLetter
from survey.model.episode import ExposureKind
from survey.model.experiment import Draw, Group
from survey.model.letter import LetterKind, LetterState
from survey.notify.due import STEPS, due_step

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
FIRST, REMINDER, THANKS, ESCALATION = LetterKind
CASE = Case(
    "OSYS-2026-000001",
    CaseKey("trial", "es-prueba", "abuse@altamar.example", 64500, ExposureKind.RELAY),
    "Altamar",
    "es",
    "test",
    None,
    "Altamar",
    CaseState.OPEN,
    NOW,
    NOW,
    draw=Draw("", NOW),
)
CLOSED = replace(CASE, state=CaseState.CLOSED, closed_at=NOW, closed_by=Closing.FIXED)


def _letter(kind: LetterKind, state: LetterState) -> OutboxLetter:
    sent = NOW if state in {LetterState.SENT, LetterState.BOUNCED, LetterState.ANSWERED} else None
    return OutboxLetter(
        CASE.number,
        kind,
        state,
        "a@b.example",
        "es",
        "0",
        "0",
        "x",
        1,
        "id",
        NOW,
        NOW,
        sent_at=sent,
    )


def _due(
    case: Case, after: timedelta, opens: int = 1, **states: LetterState
) -> tuple[LetterKind, str] | None:
    letters = {LetterKind(kind): _letter(LetterKind(kind), state) for kind, state in states.items()}
    since = dict.fromkeys(LetterKind, opens)
    step = due_step(case, letters, since, NOW + after)
    return None if step is None else (step.kind, step.id)


def test_an_open_case_is_told() -> None:
    """And stays due until it begins to go out."""
    assert _due(CASE, DAY) == (FIRST, "first.open")
    assert _due(CASE, DAY, first_notice=LetterState.PLANNED) == (FIRST, "first.open")
    assert _due(CASE, DAY, first_notice=LetterState.APPROVED) == (FIRST, "first.open")


@pytest.mark.parametrize("state", [LetterState.SENDING, LetterState.SUPPRESSED])
def test_what_has_begun_is_never_due_again(state: LetterState) -> None:
    """One letter of a kind for ever."""
    assert _due(CASE, 90 * DAY, first_notice=state) is None


def test_lot_lets_a_case_wait() -> None:
    """Until the very moment that it says."""
    waits = replace(CASE, draw=Draw("e", NOW, Group.HELD_OUT, NOW + 5 * DAY))
    assert _due(waits, 4 * DAY) is None
    assert _due(waits, 5 * DAY) == (FIRST, "first.open")


def test_who_wants_none_gets_none() -> None:
    """Whatever is due."""
    assert _due(replace(CASE, stopped=True), DAY) is None
    assert _due(replace(CLOSED, stopped=True), DAY, first_notice=LetterState.SENT) is None


def test_reminder_needs_two_weeks_and_a_new_fact() -> None:
    """And nobody's answer."""
    assert _due(CASE, 13 * DAY, first_notice=LetterState.SENT) is None
    assert _due(CASE, 14 * DAY, opens=0, first_notice=LetterState.SENT) is None
    assert _due(CASE, 14 * DAY, first_notice=LetterState.SENT) == (REMINDER, "reminder.still_open")
    assert _due(CASE, 90 * DAY, first_notice=LetterState.ANSWERED) is None


def test_bounce_is_escalated_after_a_day() -> None:
    """By a test since that found it open."""
    bounced = LetterState.BOUNCED
    assert _due(CASE, timedelta(hours=23), first_notice=bounced) is None
    assert _due(CASE, DAY, opens=0, first_notice=bounced) is None
    assert _due(CASE, DAY, first_notice=bounced) == (ESCALATION, "escalation.first_bounced")
    told = {"first_notice": LetterState.SENT, "reminder": bounced}
    assert _due(CASE, DAY, **told) == (ESCALATION, "escalation.reminder_bounced")


def test_silence_is_escalated_after_the_reminder() -> None:
    """Two weeks, and only once."""
    told = {"first_notice": LetterState.SENT, "reminder": LetterState.SENT}
    assert _due(CASE, 13 * DAY, **told) is None
    assert _due(CASE, 14 * DAY, **told) == (ESCALATION, "escalation.silence")
    assert _due(CASE, 90 * DAY, **told, escalation=LetterState.SENT) is None
    answered = told | {"reminder": LetterState.ANSWERED}
    assert _due(CASE, 90 * DAY, **answered) is None


@pytest.mark.parametrize("closed_by", list(Closing))
def test_thanks_for_what_was_closed_and_nothing_else(closed_by: Closing) -> None:
    """Lost, opted out or past its period is no thanks' worth."""
    case = replace(CLOSED, closed_by=closed_by)
    thanked = closed_by in {Closing.FIXED, Closing.RETEST}
    for state in (LetterState.SENT, LetterState.ANSWERED):
        due = _due(case, timedelta(), opens=0, first_notice=state)
        assert due == ((THANKS, "thanks.closed") if thanked else None)
    assert _due(case, DAY) is None
    assert _due(case, DAY, first_notice=LetterState.BOUNCED) is None


def test_rules_have_ids_and_say_what_they_are() -> None:
    """Each once, in one sentence."""
    assert len({one.id for one in STEPS}) == len(STEPS)
    assert all(one.says.endswith(".") and "\n" not in one.says for one in STEPS)
    assert {one.kind for one in STEPS} == set(LetterKind)
