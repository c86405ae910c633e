"""A letter in two steps: the content that is approved, and the message that leaves."""

import base64
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import SMTP

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from survey.errors import MessageError
from survey.mail.dkim_signature import Signature
from survey.mail.letter_message import leaving, letter_content
from survey.mail.message import Mail, Mailbox

NOW = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)
MAIL = Mail(
    sender=Mailbox("Agency", "desk@survey.example"),
    reply_to=Mailbox("", "desk@survey.example"),
    recipient=Mailbox("Operator", "abuse@operator.example"),
    subject="Close it (case OSYS-2026-000001)",
    text="Please close it.\n",
    html="<p>Please close it.</p>\n",
    language="en",
    reference="letter.2026-000001-f-0123",
    date=datetime(2026, 11, 24, 8, 30, tzinfo=UTC),
    unsubscribe=("desk@survey.example", "no more letters OSYS-2026-000001"),
    marks=(("X-Survey-Case", "OSYS-2026-000001"),),
)
PAGE = "https://survey.example/stop/2026-000001-f-0123"


def test_content_has_no_date_and_is_always_the_same() -> None:
    """Or its hash would name a moment."""
    mail = MAIL
    later = replace(mail, date=datetime(2026, 12, 1, tzinfo=UTC))
    assert letter_content(mail) == letter_content(later)
    assert b"\r\nDate:" not in letter_content(mail)


def test_message_that_leaves_is_the_content_with_a_date() -> None:
    """Nothing else comes in."""
    content = letter_content(MAIL)
    assert leaving(content, NOW, None) == b"Date: Thu, 26 Nov 2026 09:00:00 +0000\r\n" + content


def test_one_click_has_both_headers_under_the_signature() -> None:
    """RFC 8058 s3, s4: or no robot may press the button."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    content = letter_content(replace(MAIL, unsubscribe_page=PAGE))
    data = leaving(content, NOW, Signature("survey.example", "s1", pem))
    message = message_from_bytes(data, policy=SMTP)
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message["List-Unsubscribe"].startswith(f"<{PAGE}>,")
    signed = str(message["DKIM-Signature"]).replace(" ", "")
    assert "list-unsubscribe:list-unsubscribe-post" in signed

    def dns(_name: bytes, timeout: int = 5) -> bytes:  # noqa: ARG001 - dkimpy's signature
        return b"v=DKIM1; k=rsa; p=" + base64.b64encode(public)

    assert dkim.verify(data, dnsfunc=dns)
    assert not dkim.verify(data.replace(b"One-Click", b"Two-Click"), dnsfunc=dns)


def test_without_a_page_there_is_only_the_mailto() -> None:
    """A header that promises what nobody answers is worse than none."""
    message = message_from_bytes(letter_content(MAIL), policy=SMTP)
    assert message["List-Unsubscribe-Post"] is None
    assert message["List-Unsubscribe"].strip().startswith("<mailto:")


@pytest.mark.parametrize(
    "page",
    ["http://survey.example/x", "https://x.example/>,<mailto:y@z.example", "https://x\r\nBcc: y"],
)
def test_page_that_would_break_the_header_is_refused(page: str) -> None:
    """Only a plain https address."""
    with pytest.raises(MessageError, match="List-Unsubscribe"):
        letter_content(replace(MAIL, unsubscribe_page=page))
