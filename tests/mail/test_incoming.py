"""What came back is told apart: bounce, delay, machine, complaint, wish, person."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_incoming import (
    ENVELOPE,
    MESSAGE,
    OPERATOR,
    complaint,
    dsn,
    exim_bounce,
    qmail_bounce,
    words,
)

from survey.mail.incoming import MOST_BYTES, read_incoming
from survey.model.incoming import IncomingKind


@pytest.mark.parametrize("data", [dsn(), qmail_bounce(), exim_bounce()])
def test_bounce_is_known_in_every_servers_words(data: bytes) -> None:
    """A standard report, qmail's words, exim's header."""
    incoming = read_incoming(data)
    assert incoming.kind is IncomingKind.BOUNCE
    assert incoming.failed == {OPERATOR}
    assert ENVELOPE in incoming.to


def test_report_gives_status_case_and_the_letter_that_it_holds() -> None:
    """What is attached to it is ours."""
    incoming = read_incoming(dsn())
    assert incoming.status == "5.1.1"
    assert incoming.cases == ("OSYS-2026-000001",)
    assert MESSAGE in incoming.about


def test_delay_is_no_bounce() -> None:
    """The server goes on trying."""
    incoming = read_incoming(dsn("4.4.1", "delayed"))
    assert (incoming.kind, incoming.status) == (IncomingKind.DELAY, "4.4.1")


def test_receipt_is_a_machines_answer() -> None:
    """Delivered is no failure."""
    assert read_incoming(dsn("2.0.0", "delivered")).kind is IncomingKind.AUTO_REPLY


@pytest.mark.parametrize("headers_only", [False, True])
def test_complaint_names_its_letter(*, headers_only: bool) -> None:
    """By what it attaches, whole or headers alone, and by the envelope that it gives."""
    incoming = read_incoming(complaint(headers_only=headers_only))
    assert (incoming.kind, incoming.detail) == (IncomingKind.COMPLAINT, "abuse")
    assert MESSAGE in incoming.about
    assert ENVELOPE in incoming.about


@pytest.mark.parametrize(
    "headers",
    [
        {"Auto_Submitted": "auto-replied"},
        {"Auto_Submitted": "auto-generated; owner-email=x@y.example"},
        {"X_Autoreply": "yes"},
        {"Precedence": "bulk"},
        {"List_Id": "<tickets.altamar.example>"},
        {"Return_Path": "<>"},
        {"sender": "no-reply@altamar.example"},
    ],
)
def test_machines_answer_is_nobodys(headers: dict[str, str]) -> None:
    """RFC 3834, and what ticket systems and vacation notes said before it."""
    assert read_incoming(words(**headers)).kind is IncomingKind.AUTO_REPLY


@pytest.mark.parametrize("sender", [OPERATOR, "postmaster@altamar.example"])
def test_people_are_people(sender: str) -> None:
    """Postmasters, too; with what they answer."""
    incoming = read_incoming(words(sender, Auto_Submitted="no"))
    assert (incoming.kind, incoming.sender) == (IncomingKind.PERSON, sender)
    assert MESSAGE in incoming.about


def test_who_asks_for_no_automatic_answers_may_be_a_person() -> None:
    """The header is about answers to the message, not about the message."""
    incoming = read_incoming(words(X_Auto_Response_Suppress="All"))
    assert incoming.kind is IncomingKind.PERSON


def test_person_who_quotes_a_bounce_is_a_person() -> None:
    """Only what a machine sends is read for failures."""
    text = qmail_bounce().decode().partition("\n\n")[2]
    assert read_incoming(words(text=text)).kind is IncomingKind.PERSON


def test_wish_for_no_more_letters_is_known_by_its_subject() -> None:
    """As our mailto has it."""
    data = words(subject="no more letters OSYS-2026-000001", text="", answers="")
    incoming = read_incoming(data)
    assert (incoming.kind, incoming.cases) == (IncomingKind.STOP, ("OSYS-2026-000001",))


def test_case_number_in_a_persons_words_is_found() -> None:
    """Subject or text, encoded or not."""
    text = "Ihr Schreiben \u00fcber OSYS-2026-000007: erledigt."
    assert read_incoming(words(text=text, answers="")).cases == ("OSYS-2026-000007",)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00" * 5000,
        b"Content-Type: multipart/report; report-type=delivery-status; boundary=x\n\n--x\n" * 200,
        b"Content-Type: text/plain; charset=no-such\n\n\xff\xfe",
        b"From: =?utf-8?b?" + b"A" * 10_000 + b"?=\n\n",
        b"Content-Type: message/delivery-status\n\nFinal-Recipient: \xff\n\nAction: failed\n",
        b"Subject: x\n\n" + b"y" * (MOST_BYTES + 10),
        b"Content-Type: multipart/mixed; boundary=a\n\n" + b"--a\n\n\n" * 3000,
    ],
)
def test_hostile_message_is_only_a_fact(data: bytes) -> None:
    """It never raises, whatever it is taken for."""
    assert read_incoming(data).kind in IncomingKind


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_mutated_messages_never_raise(data: st.DataObject) -> None:
    """Cut, doubled, and with bytes changed."""
    whole = data.draw(st.sampled_from([dsn(), qmail_bounce(), exim_bounce(), complaint()]))
    at = data.draw(st.integers(0, len(whole)))
    junk = data.draw(st.binary(max_size=30))
    assert read_incoming(whole[:at] + junk + whole[at:]).kind in IncomingKind
    assert read_incoming(whole[:at]).kind in IncomingKind
