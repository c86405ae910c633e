"""A report as one message: text, files, and around them a seal if there are keys.

With the agency's certificate it is PGP/MIME encrypted, the subject's words inside (RFC 3156); with
our key alone it is signed; DKIM (RFC 6376) signs what goes out.  Cryptography makes each of them
other bytes, so they are kept, and sent again as they are.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from pysequoia import Cert, Sig, Tsk

from survey.errors import MessageError
from survey.mail.dkim_signature import Signature, signed
from survey.mail.message import Attachment, Mailbox, check_address
from survey.mail.openpgp import detached, seal


@dataclass(frozen=True, slots=True)
class ReportMail:
    """What one message says and to whom.

    Attributes:
        sender: The From line; its domain makes the Message-ID.
        reply_to: Read by people.
        recipient: The one mailbox.
        subject: One line.
        text: What it says, wrapped.
        files: What is attached, in this order.
        reference: Names this message for good; the Message-ID's left side.
        date: When it was made, UTC.
    """

    sender: Mailbox
    reply_to: str
    recipient: str
    subject: str
    text: str
    files: Sequence[Attachment]
    reference: str
    date: datetime


def report_message(
    mail: ReportMail, recipient: Cert | None, signer: Tsk | None, signature: Signature | None
) -> bytes:
    """The whole message, CRLF.

    Raises:
        MessageError: A header's value would break it, or the DKIM key can't sign.
    """
    inner = _content(mail)
    if recipient is not None:
        body = _encrypted(mail, inner, recipient, signer)
    elif signer is not None:
        body = _signed(mail, inner, signer)
    else:
        body = inner
    shown = "..." if recipient is not None else mail.subject
    message = _headers(mail, shown) + body
    return message if signature is None else signed(message, signature)


def _headers(mail: ReportMail, subject: str) -> bytes:
    """Everything above the content's own headers; the policy refuses what would break one."""
    message = EmailMessage(policy=SMTP.clone(raise_on_defect=True))
    domain = check_address(mail.sender.address).rpartition("@")[2]
    try:
        message["From"] = f'"{_quoted(mail.sender.name)}" <{mail.sender.address}>'
        message["To"] = check_address(mail.recipient)
        message["Reply-To"] = check_address(mail.reply_to)
        message["Subject"] = subject
        message["Date"] = format_datetime(mail.date)
        message["Message-ID"] = f"<{mail.reference}@{domain}>"
        message["Auto-Submitted"] = "auto-generated"
    except (ValueError, TypeError) as error:
        raise MessageError(f"a header can't be written: {error}") from error
    return message.as_bytes().rstrip(b"\r\n") + b"\r\n"


def _quoted(name: str) -> str:
    return name.replace("\\", "\\\\").replace('"', '\\"')


def _content(mail: ReportMail) -> bytes:
    """Text and files as one entity."""
    content = EmailMessage(policy=SMTP)
    content.set_content(mail.text, charset="utf-8", cte="quoted-printable")
    for file in mail.files:
        main, _, sub = file.media_type.partition("/")
        content.add_attachment(file.data, maintype=main, subtype=sub, filename=file.name)
    if mail.files:
        content.set_boundary(_boundary(mail, "content"))
    return content.as_bytes()


def _boundary(mail: ReportMail, part: str) -> str:
    # base64 and quoted-printable never hold "=_", so no content forges it
    return "=_" + hashlib.sha256(f"{mail.reference}/{part}".encode()).hexdigest()[:32]


def _encrypted(mail: ReportMail, inner: bytes, recipient: Cert, signer: Tsk | None) -> bytes:
    subject = EmailMessage(policy=SMTP)
    subject["Subject"] = mail.subject
    protected = subject.as_bytes().rstrip(b"\r\n") + b"\r\n" + _without(inner, b"mime-version:")
    sealed = seal(protected, recipient, signer, armor=True)
    limit = _boundary(mail, "sealed").encode()
    return (
        b"MIME-Version: 1.0\r\n"
        b'Content-Type: multipart/encrypted; protocol="application/pgp-encrypted";\r\n boundary="'
        + limit
        + b'"\r\n\r\n--'
        + limit
        + b"\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n\r\n--"
        + limit
        + b'\r\nContent-Type: application/octet-stream; name="encrypted.asc"\r\n\r\n'
        + _crlf(sealed)
        + b"\r\n--"
        + limit
        + b"--\r\n"
    )


def _signed(mail: ReportMail, inner: bytes, signer: Tsk) -> bytes:
    part = _without(inner, b"mime-version:").rstrip(b"\r\n") + b"\r\n"
    signature = detached(part, signer)
    micalg = str(Sig.from_bytes(signature).hash_algorithm).rpartition(".")[2].lower()
    limit = _boundary(mail, "signed").encode()
    return (
        b'MIME-Version: 1.0\r\nContent-Type: multipart/signed; micalg="pgp-'
        + micalg.encode()
        + b'";\r\n protocol="application/pgp-signature"; boundary="'
        + limit
        + b'"\r\n\r\n--'
        + limit
        + b"\r\n"
        + part
        + b"\r\n--"
        + limit
        + b'\r\nContent-Type: application/pgp-signature; name="signature.asc"\r\n\r\n'
        + _crlf(signature)
        + b"\r\n--"
        + limit
        + b"--\r\n"
    )


def _without(entity: bytes, name: bytes) -> bytes:
    head, _, rest = entity.partition(b"\r\n\r\n")
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(name)]
    return b"\r\n".join(lines) + b"\r\n\r\n" + rest


def _crlf(armored: bytes) -> bytes:
    return b"\r\n".join(armored.splitlines()) + b"\r\n"
