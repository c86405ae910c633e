"""Which connection follows another."""

import pytest

from survey.model.failure import Failure
from survey.model.observation import Protocol, Step
from survey.model.plan import Depth
from survey.protocols.dialogue import Answer
from survey.protocols.envelopes import Form, connections
from survey.protocols.relay import Offer, Outcome
from survey.protocols.relay_course import Course

FIRST, SECOND = connections(Depth.STANDARD)


def refused(at: str = "RCPT", code: int = 554) -> Answer:
    """A refusal."""
    return Answer(Step.SPOKE, None, Protocol.SMTP, refused_at=at, code=code)


def broken(failure: Failure, step: Step = Step.SPOKE) -> Answer:
    """An early end."""
    return Answer(step, failure, Protocol.SMTP)


def outcome(wanted: tuple[Form, ...], *answers: Answer) -> Outcome:
    """These answers to the first of the wanted forms; the rest is left."""
    offers = [
        Offer(form.variant, "t", tls=False, answer=answer)
        for form, answer in zip(wanted, answers, strict=False)
    ]
    return Outcome(tuple(offers), wanted[len(offers) :])


def wanted_after(*outcomes: Outcome, depth: Depth = Depth.STANDARD) -> list[str]:
    """Variants of the connection that follows these."""
    course = Course(connections(depth))
    for one in outcomes:
        assert course.wanted()
        course.heard(one)
    return [form.variant for form in course.wanted()]


def test_a_closed_server_costs_two_connections() -> None:
    """The standard test."""
    first = outcome(FIRST, *[refused()] * 4)
    assert wanted_after() == ["V1", "V3", "V0", "C0"]
    assert wanted_after(first) == ["V2", "V5", "V6", "C1"]
    assert wanted_after(first, outcome(SECOND, *[refused()] * 4)) == []


def test_a_closed_server_costs_four_connections_at_full_depth() -> None:
    """Never more."""
    course = Course(connections(Depth.FULL))
    count = 0
    while forms := course.wanted():
        assert len(forms) <= 8
        course.heard(outcome(forms, *[refused()] * len(forms)))
        count += 1
    assert count == 4


@pytest.mark.parametrize(
    "last",
    [
        Answer(Step.SENT, None, Protocol.SMTP, code=250),
        Answer(Step.ACCEPTED, None, Protocol.SMTP, refused_at="MESSAGE", code=554),
        Answer(Step.ACCEPTED, None, Protocol.SMTP, refused_at="MESSAGE", code=451),
        broken(Failure.ABORTED, Step.ACCEPTED),
        broken(Failure.CLOSED, Step.ACCEPTED),
        broken(Failure.STALLED),
        broken(Failure.DEADLINE),
        broken(Failure.TOO_MUCH),
        broken(Failure.GARBAGE),
        broken(Failure.ABORTED),
        broken(Failure.HANDSHAKE),
        refused(code=421),
        refused("MAIL", 521),
        refused("STARTTLS", 454),
        refused("EHLO", 550),
    ],
    ids=str,
)
def test_a_server_is_left_alone_after_this(last: Answer) -> None:
    """Whatever was refused before."""
    assert wanted_after(outcome(FIRST, last)) == []
    assert wanted_after(outcome(FIRST, refused(), last)) == []


def test_who_takes_no_envelope_at_all_is_left_alone() -> None:
    """Greeting or EHLO refused, another protocol, no word."""
    nothing = Offer("V1", "", tls=False, answer=refused("GREETING"), tried=False)
    assert wanted_after(Outcome((nothing,), FIRST)) == []


@pytest.mark.parametrize("failure", [Failure.CLOSED, Failure.RESET])
def test_who_hangs_up_at_a_refusal_hears_the_rest(failure: Failure) -> None:
    """In as many connections as there would have been anyway."""
    once = outcome(FIRST, refused(), broken(failure))
    assert wanted_after(once) == ["V0", "C0"]
    assert wanted_after(once, outcome(FIRST[2:], broken(failure))) == []
    assert wanted_after(once, outcome(FIRST[2:], broken(failure)), depth=Depth.FULL) == ["C0"]


def test_who_refuses_data_hears_the_rest() -> None:
    """In another connection, since there is one DATA in each."""
    no_data = Answer(Step.ACCEPTED, None, Protocol.SMTP, refused_at="DATA", code=554)
    assert wanted_after(outcome(FIRST, no_data)) == ["V3", "V0", "C0"]


def test_who_wants_a_login_before_any_sender_is_left_alone() -> None:
    """But not who wants it of some senders only."""
    login = refused("MAIL", 530)
    assert wanted_after(outcome(FIRST, *[login] * 4)) == []
    assert wanted_after(outcome(FIRST, refused(), *[login] * 3)) == ["V2", "V5", "V6", "C1"]


def test_an_accepted_control_decides_nothing() -> None:
    """A closed server takes C0."""
    taken = Answer(Step.ACCEPTED, None, Protocol.SMTP, code=250)
    assert wanted_after(outcome(FIRST, *[refused()] * 3, taken)) == ["V2", "V5", "V6", "C1"]
