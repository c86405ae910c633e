r"""The one message that a relay test sends: complete, honest, to our own mailbox (RFC 5322).

Whoever finds it in a queue or a log can read who sent it, why, and how to be left alone.  It holds
the MESSAGE token, the HMAC of the same claims as the recipient's; together they prove that this
very message arrived (law 4).
"""

import re
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from survey.model.address import format_ip
from survey.model.plan import Identity
from survey.protocols.envelopes import Envelope

# Whatever our own text holds, it travels as plain lines that every relay leaves as they are.
_POLICY = SMTP.clone(cte_type="7bit")
_LINE_START_DOT = re.compile(rb"(?m)^\.")


@dataclass(frozen=True, slots=True)
class Subject:
    """What a message is about.

    Attributes:
        ip: The tested address, as a number.
        port: The tested port.
        at: When, UTC.
        token: The MESSAGE token.
    """

    ip: int
    port: int
    at: datetime
    token: str


def compose(identity: Identity, subject: Subject, envelope: Envelope) -> bytes:
    r"""The message, lines ended by ``\r\n``."""
    operator, page = _one_line(identity.operator), _one_line(identity.page)
    contact = _one_line(identity.contact)
    message = EmailMessage(policy=_POLICY)
    message["Date"] = format_datetime(subject.at)
    message["From"] = Address(operator, addr_spec=contact)
    message["To"] = envelope.mailbox
    message["Subject"] = f"Survey of open mail relays: test of your server; opt out: {page}"
    message["Message-ID"] = f"<{subject.token}@{envelope.mailbox.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834 s5: nobody's software answers it
    message.set_content(
        f"""\
This is a test message. Its sender and its recipient are ourselves.

It was handed to the mail server at {format_ip(subject.ip)}, port {subject.port},
on {subject.at:%Y-%m-%d %H:%M:%S} UTC, to find out whether that server passes on
mail from strangers to strangers (an "open relay"). If this message
reaches our mailbox, it does, and so it would for a spammer.

Who is asking:  {operator}
Why, and how to be left out of this survey:
{page}
Questions, and opt-outs too:  {contact}

Nothing was read, changed or kept on that server, and no password was
tried. This message needs no answer and can be deleted.

Test mark of this message:
{subject.token}
""",
        cte="7bit" if (operator + page + contact).isascii() else "quoted-printable",
    )
    return message.as_bytes()


def payload(message: bytes) -> bytes:
    r"""A message with ``\r\n`` lines as it is sent after DATA (RFC 5321 s4.5.2)."""
    assert message.endswith(b"\r\n")
    return _LINE_START_DOT.sub(b"..", message) + b".\r\n"


def _one_line(text: str) -> str:
    """Our own text without the line breaks that a header must not have."""
    return " ".join(text.split())
