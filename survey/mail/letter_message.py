"""A letter's message in two steps: what is approved, and what is added when it goes out.

An approval names the content's hash.  The content is everything but the date and the signature,
which are those of the moment at which it leaves.
"""

from datetime import datetime
from email.utils import format_datetime

from survey.mail.dkim_signature import Signature, signed
from survey.mail.message import Mail, build_message


def letter_content(mail: Mail) -> bytes:
    """The message without its date, CRLF; the same mail is the same bytes every time.

    Raises:
        MessageError: A header's value would break it.
    """
    message = build_message(mail)
    del message["Date"]
    return message.as_bytes()


def leaving(content: bytes, now: datetime, signature: Signature | None) -> bytes:
    """The message as it leaves now.

    Raises:
        MessageError: The DKIM key can't sign.
    """
    message = f"Date: {format_datetime(now)}\r\n".encode() + content
    return message if signature is None else signed(message, signature)
