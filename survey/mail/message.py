"""One complete message, ready to send: headers, plain text first, HTML beside it (RFC 5322).

Nothing that comes in can add or end a header: every value is refused if it holds a control
character, addresses are parsed, and the headers are written by ``email.policy.SMTP``.
"""

import hashlib
import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from survey.errors import MessageError

_PAGE = re.compile(r"https://[A-Za-z0-9._~:/?&=%+-]+")
_POLICY = SMTP.clone(raise_on_defect=True)


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A name to show (may be empty) and an address, ``local@domain``."""

    name: str
    address: str


@dataclass(frozen=True, slots=True)
class Attachment:
    """One file that a message carries."""

    name: str
    media_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Mail:
    """What one message says and to whom.

    Attributes:
        sender: The From line; its domain is ours and makes the Message-ID.
        reply_to: Where an answer goes; read by people.
        recipient: The one recipient.
        subject: One line.
        text: The plain text.
        html: The same words as HTML.
        language: Language of both (BCP 47).
        reference: Names this message among all that we ever send; the Message-ID's left side,
            ``[a-z0-9.-]+``.
        date: When it was made, UTC.
        unsubscribe: Mailbox and subject that stop further letters on the matter.
        marks: Further headers, name and value, that start with ``X-``.
        unsubscribe_page: An https address whose POST alone stops further letters (RFC 8058), or "".
        files: What is attached, in this order.
    """

    sender: Mailbox
    reply_to: Mailbox
    recipient: Mailbox
    subject: str
    text: str
    html: str
    language: str
    reference: str
    date: datetime
    unsubscribe: tuple[str, str]
    marks: tuple[tuple[str, str], ...]
    unsubscribe_page: str = ""
    files: tuple[Attachment, ...] = ()


def build_message(mail: Mail) -> EmailMessage:
    """The message: multipart/alternative, UTF-8, quoted-printable, CRLF when flattened.

    With files it is multipart/mixed of that and them.

    Raises:
        MessageError: A header value would break its header, or an address is none.
    """
    sender = _address(mail.sender)
    message = EmailMessage(policy=_POLICY)
    message["From"] = sender
    message["To"] = _address(mail.recipient)
    message["Reply-To"] = _address(mail.reply_to)
    message["Subject"] = _one_line("Subject", mail.subject)
    message["Date"] = format_datetime(mail.date)
    message["Message-ID"] = f"<{_one_line('Message-ID', mail.reference)}@{sender.domain}>"
    # RFC 3834: no vacation note or ticket robot should answer; people may.
    message["Auto-Submitted"] = "auto-generated"
    stop = _unsubscribe(*mail.unsubscribe)
    if mail.unsubscribe_page:
        # RFC 8058 s3.1: both headers, exactly so, and under the signature
        stop = f"<{_https(mail.unsubscribe_page)}>, {stop}"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message["List-Unsubscribe"] = stop
    for name, value in mail.marks:
        assert name.startswith("X-"), name
        message[name] = _one_line(name, value)
    message.set_content(mail.text, charset="utf-8", cte="quoted-printable")
    message.add_alternative(mail.html, subtype="html", charset="utf-8", cte="quoted-printable")
    # Quoted-printable never holds "=_", so no body can forge the boundary; and the same mail is the
    # same bytes every time.
    message.set_boundary(_boundary(mail.reference))
    for file in mail.files:
        main, _, sub = file.media_type.partition("/")
        name = _one_line("attachment", file.name)
        message.add_attachment(file.data, maintype=main, subtype=sub, filename=name)
    if mail.files:
        message.set_boundary(_boundary(f"{mail.reference} with files"))
    # Set last: making the alternative moves earlier Content- headers into the first part.
    message["Content-Language"] = _one_line("Content-Language", mail.language)
    return message


def _boundary(text: str) -> str:
    return "=_" + hashlib.sha256(text.encode()).hexdigest()[:32]


def check_address(address: str) -> str:
    """The address, if it is one plain ``local@domain``.

    Raises:
        MessageError: It is none.
    """
    return _address(Mailbox("", address)).addr_spec


def _address(mailbox: Mailbox) -> Address:
    _one_line("address", mailbox.address)
    if "=?" in mailbox.name:
        # RFC 2047: a reader would decode it into whatever its writer wanted
        raise MessageError(f"name: {mailbox.name!r} holds an encoded word")
    try:
        address = Address(_one_line("name", mailbox.name), addr_spec=mailbox.address)
    except (HeaderParseError, ValueError, IndexError) as error:
        raise MessageError(f"{mailbox.address!r} is not a mail address") from error
    local, domain = address.username, address.domain
    if not local or "." not in domain or not mailbox.address.isascii() or " " in mailbox.address:
        raise MessageError(f"{mailbox.address!r} is not a mail address")
    return address


def _unsubscribe(address: str, subject: str) -> str:
    # RFC 2368: a mailto's subject is percent-encoded; ours holds letters, digits, hyphens, spaces.
    words = _one_line("List-Unsubscribe", subject).replace(" ", "%20")
    return f"<mailto:{check_address(address)}?subject={words}>"


def _https(page: str) -> str:
    if not _PAGE.fullmatch(page):
        raise MessageError(f"List-Unsubscribe: {page!r} is no plain https address")
    return page


def _one_line(header: str, value: str) -> str:
    if any(unicodedata.category(letter) in {"Cc", "Cs", "Zl", "Zp"} for letter in value):
        raise MessageError(f"{header}: {value!r} holds a control character")
    return value
