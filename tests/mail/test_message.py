"""A message is complete, readable everywhere, and no stranger can add a header to it."""

from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from survey.errors import MessageError
from survey.mail.message import Mail, Mailbox, build_message

MAIL = Mail(
    sender=Mailbox("Agencia de Ejemplo", "desk@survey.example"),
    reply_to=Mailbox("", "desk@survey.example"),
    recipient=Mailbox("Operador Ñandú, S.A.", "abuse@operator.example"),
    subject="[TLP:AMBER] Cierre su servidor 192.0.2.7 [OSYS-2026-000001]",
    text="Buenos días, señoras y señores:\n\nEl servidor está abierto.\n" + "a" * 300 + "\n",
    html="<p>El servidor está abierto.</p>\n",
    language="es",
    reference="osys-2026-000001.first-notice",
    date=datetime(2026, 11, 24, 8, 30, tzinfo=UTC),
    unsubscribe=("desk@survey.example", "stop OSYS-2026-000001"),
    marks=(("X-Survey-Case", "OSYS-2026-000001"),),
)


def _parsed(mail: Mail) -> EmailMessage:
    return cast("EmailMessage", message_from_bytes(build_message(mail).as_bytes(), policy=SMTP))


def test_plain_text_comes_first_and_html_beside_it() -> None:
    """A reader without HTML sees the text; both parts are UTF-8 in quoted-printable."""
    message = _parsed(MAIL)
    parts = list(message.iter_parts())
    assert message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in parts] == ["text/plain", "text/html"]
    assert [part["Content-Transfer-Encoding"] for part in parts] == ["quoted-printable"] * 2
    assert "señoras" in cast("EmailMessage", parts[0]).get_content()


def test_every_header_a_letter_needs_is_there() -> None:
    """Robots are told to stay quiet, answers reach people, the Message-ID is ours."""
    message = _parsed(MAIL)
    assert message["From"] == "Agencia de Ejemplo <desk@survey.example>"
    assert message["To"].addresses[0].addr_spec == "abuse@operator.example"
    assert message["Reply-To"] == "desk@survey.example"
    assert message["Message-ID"] == "<osys-2026-000001.first-notice@survey.example>"
    assert message["Date"].datetime == MAIL.date
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Content-Language"] == "es"
    assert message["X-Survey-Case"] == "OSYS-2026-000001"
    assert (
        message["List-Unsubscribe"]
        == "<mailto:desk@survey.example?subject=stop%20OSYS-2026-000001>"
    )


def test_bytes_on_the_wire_are_short_crlf_ascii_lines() -> None:
    """Any mail server takes it: ASCII only, CRLF, no line over 998 octets (RFC 5321)."""
    data = build_message(MAIL).as_bytes()
    assert data.isascii()
    assert b"\n" not in data.replace(b"\r\n", b"")
    assert max(map(len, data.split(b"\r\n"))) <= 78


@pytest.mark.parametrize(
    "broken",
    [
        replace(MAIL, subject="Hello\r\nBcc: victim@operator.example"),
        replace(MAIL, subject="Hello\nBcc: victim@operator.example"),
        replace(MAIL, subject="Hello\x00there"),
        replace(MAIL, subject="Hello\u2028Bcc: victim@operator.example"),
        replace(MAIL, reference="a\r\nBcc: victim@operator.example"),
        replace(MAIL, language="es\r\nBcc: victim@operator.example"),
        replace(MAIL, recipient=Mailbox("x\r\nBcc: y@operator.example", "abuse@operator.example")),
        replace(MAIL, recipient=Mailbox("x", "abuse@operator.example\r\nBcc: y@operator.example")),
        replace(MAIL, recipient=Mailbox("x", "abuse@operator.example, y@operator.example")),
        replace(MAIL, recipient=Mailbox("x", "abuse")),
        replace(MAIL, recipient=Mailbox("x", "abuse@localhost")),
        replace(MAIL, recipient=Mailbox("x", "")),
        replace(MAIL, recipient=Mailbox("x", "@operator.example")),
        replace(MAIL, unsubscribe=("desk@survey.example", "x\r\nBcc: y@operator.example")),
        replace(MAIL, marks=(("X-Survey-Case", "1\r\nBcc: y@operator.example"),)),
    ],
)
def test_value_that_would_break_a_header_is_refused(broken: Mail) -> None:
    """A line break, control character or second address raises; nothing is built."""
    with pytest.raises(MessageError):
        build_message(broken)


@given(name=st.text(max_size=60), subject=st.text(max_size=90), address=st.text(max_size=60))
def test_no_input_adds_a_header(name: str, subject: str, address: str) -> None:
    """Whatever strangers wrote: the headers are ours, once each, or there is no message."""
    try:
        message = build_message(
            replace(MAIL, recipient=Mailbox(name, address), subject=f"Server {subject}")
        )
    except MessageError:
        return
    parsed = message_from_bytes(message.as_bytes(), policy=SMTP)
    assert sorted(parsed.keys()) == sorted(_parsed(MAIL).keys())


@given(name=st.text(max_size=60), subject=st.text(max_size=90))
def test_no_name_or_subject_adds_a_header_to_a_good_address(name: str, subject: str) -> None:
    """The same with an address that is fine, so that most examples do build a message."""
    recipient = Mailbox(name, "abuse@operator.example")
    try:
        message = build_message(replace(MAIL, recipient=recipient, subject=f"Server {subject}"))
    except MessageError:
        return
    parsed = message_from_bytes(message.as_bytes(), policy=SMTP)
    assert sorted(parsed.keys()) == sorted(_parsed(MAIL).keys())
    assert [one.addr_spec for one in parsed["To"].addresses] == ["abuse@operator.example"]
