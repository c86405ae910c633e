"""The one message that a relay test sends."""

from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP

import pytest

from survey.model.address import parse_ip
from survey.model.plan import Identity
from survey.protocols.envelopes import Envelope
from survey.protocols.relay_message import Subject, compose, payload

TOKEN = "m" * 56
RECIPIENT = "r" * 56
MAILBOX = f"{RECIPIENT}@canary.example"
ENVELOPE = Envelope("V1", b"s@canary.example", MAILBOX.encode(), MAILBOX, RECIPIENT, tls=False)
SUBJECT = Subject(parse_ip("192.0.2.7"), 25, datetime(2026, 11, 24, 6, 0, tzinfo=UTC), TOKEN)
PLAIN = Identity(
    "Example Survey", "survey@survey.example", "https://survey.example/opt-out", "p.example", ()
)
FOREIGN = Identity(
    "Agencia Española, Ünit\r\nBcc: x@y.example",
    "survey@survey.example",
    "https://survey.example/opt-out",
    "p.example",
    (),
)


@pytest.fixture(params=[PLAIN, FOREIGN], ids=["plain", "foreign"])
def message(request: pytest.FixtureRequest) -> bytes:
    """The message as bytes."""
    return compose(request.param, SUBJECT, ENVELOPE)


def parsed(message: bytes) -> EmailMessage:
    """The message as a mail program sees it."""
    read = message_from_bytes(message, policy=SMTP)
    assert isinstance(read, EmailMessage)
    return read


def test_it_has_every_header_of_an_honest_message(message: bytes) -> None:
    """And none that came in with our own texts."""
    read = parsed(message)
    assert not read.defects
    assert read["Date"].datetime == SUBJECT.at
    assert read["From"].addresses[0].addr_spec == "survey@survey.example"
    assert read["To"] == f"{RECIPIENT}@canary.example"
    assert "https://survey.example/opt-out" in read["Subject"]
    assert read["Message-ID"].strip() == f"<{TOKEN}@canary.example>"
    assert read["Auto-Submitted"] == "auto-generated"
    assert "Precedence" not in read
    assert "Bcc" not in read


def test_its_body_says_who_asks_what_and_how_to_be_left_out(message: bytes) -> None:
    """For whoever finds it in a queue."""
    body = parsed(message).get_content()
    for words in ("192.0.2.7", "port 25", "2026-11-24", "https://survey.example/opt-out"):
        assert words in body
    assert "survey@survey.example" in body


def test_its_mark_stands_alone_on_a_line_of_the_raw_body(message: bytes) -> None:
    """So that no encoding can hide it from the canary."""
    head, _, body = message.partition(b"\r\n\r\n")
    assert TOKEN.encode() in body.split(b"\r\n")
    assert RECIPIENT.encode() in head


def test_every_relay_can_carry_it(message: bytes) -> None:
    """Seven bits, short lines, and no line end but the right one."""
    assert message.isascii()
    assert max(map(len, message.split(b"\r\n"))) <= 78
    assert message.count(b"\n") == message.count(b"\r\n") == message.count(b"\r")
    assert message.endswith(b"\r\n")


def test_on_the_wire_dots_are_stuffed_and_one_ends_it() -> None:
    """RFC 5321 s4.5.2."""
    assert payload(b"a\r\n.\r\n..b\r\n") == b"a\r\n..\r\n...b\r\n.\r\n"
