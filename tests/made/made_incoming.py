"""What comes back after a letter, in the shapes in which servers and people send it."""

from email import message_from_bytes
from email.message import EmailMessage
from email.mime.message import MIMEMessage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.policy import SMTP

MESSAGE = "letter.2026-000001-f-0123456789abcdef0123@survey.example"
ENVELOPE = "bounce+2026-000001-f-0123456789abcdef0123@survey.example"
OPERATOR = "abuse@altamar.example"
LETTER = (
    f"From: Agency <desk@survey.example>\r\nTo: {OPERATOR}\r\nSubject: close it "
    f"(case OSYS-2026-000001)\r\nMessage-ID: <{MESSAGE}>\r\nX-Survey-Case: OSYS-2026-000001\r\n"
    "\r\nPlease close it.\r\n"
).encode()


def dsn(
    status: str = "5.1.1",
    action: str = "failed",
    *,
    to: str = ENVELOPE,
    recipient: str = OPERATOR,
    original: bytes = LETTER,
) -> bytes:
    """RFC 3464, as postfix writes it."""
    message = MIMEMultipart("report", report_type="delivery-status")
    message["Return-Path"] = "<>"
    message["From"] = "MAILER-DAEMON@mx.altamar.example (Mail Delivery System)"
    message["To"] = to
    message["Subject"] = "Undelivered Mail Returned to Sender"
    message["Auto-Submitted"] = "auto-replied"
    message.attach(MIMEText("I'm sorry to have to inform you.\n"))
    text = (
        "Content-Type: message/delivery-status\n\n"
        "Reporting-MTA: dns; mx.altamar.example\n\n"
        f"Final-Recipient: rfc822; {recipient}\n"
        f"Original-Recipient: rfc822;{recipient}\n"
        f"Action: {action}\nStatus: {status}\n"
        "Diagnostic-Code: smtp; 550 no such user here\n"
    )
    message.attach(message_from_bytes(text.encode()))
    message.attach(MIMEMessage(message_from_bytes(original)))  # type: ignore[arg-type]
    return message.as_bytes()


def qmail_bounce() -> bytes:
    """As qmail has written it since 1996: no report, only words."""
    return (
        "Return-Path: <>\nFrom: MAILER-DAEMON@mx.altamar.example\n"
        f"To: {ENVELOPE}\nSubject: failure notice\n\n"
        "Hi. This is the qmail-send program at mx.altamar.example.\n"
        "I'm afraid I wasn't able to deliver your message to the following addresses.\n"
        "This is a permanent error; I've given up. Sorry it didn't work out.\n\n"
        f"<{OPERATOR}>:\nSorry, no mailbox here by that name. (#5.1.1)\n\n"
        "--- Below this line is a copy of the message.\n\n" + LETTER.decode()
    ).encode()


def exim_bounce() -> bytes:
    """As exim writes it, with the failed recipients in a header."""
    return (
        "Return-Path: <>\nX-Failed-Recipients: " + OPERATOR + "\n"
        "Auto-Submitted: auto-replied\nFrom: Mail Delivery System <Mailer-Daemon@mx.example>\n"
        f"To: {ENVELOPE}\nSubject: Mail delivery failed: returning message to sender\n\n"
        "A message that you sent could not be delivered to one or more of its recipients.\n"
        "This is a permanent error. The following address(es) failed:\n\n"
        f"  {OPERATOR}\n    Unrouteable address\n"
    ).encode()


def complaint(*, headers_only: bool = False) -> bytes:
    """RFC 5965."""
    message = MIMEMultipart("report", report_type="feedback-report")
    message["From"] = "fbl@provider.example"
    message["To"] = "desk@survey.example"
    message["Subject"] = "FW: close it"
    message.attach(MIMEText("This is an email abuse report.\n"))
    report = (
        "Content-Type: message/feedback-report\n\nFeedback-Type: abuse\n"
        f"User-Agent: SomeGenerator/1.0\nVersion: 1\nOriginal-Mail-From: <{ENVELOPE}>\n"
        f"Original-Rcpt-To: <{OPERATOR}>\n"
    )
    message.attach(message_from_bytes(report.encode()))
    if headers_only:
        head = MIMEText(LETTER.decode().partition("\r\n\r\n")[0])
        head.replace_header("Content-Type", "text/rfc822-headers")
        message.attach(head)
    else:
        message.attach(MIMEMessage(message_from_bytes(LETTER)))  # type: ignore[arg-type]
    return message.as_bytes()


def words(
    sender: str = OPERATOR,
    *,
    to: str = "desk@survey.example",
    subject: str = "Re: close it",
    text: str = "Thank you, it is closed.",
    answers: str = MESSAGE,
    **headers: str,
) -> bytes:
    """A message as a person or a machine writes it."""
    message = EmailMessage(policy=SMTP)
    message["From"], message["To"], message["Subject"] = sender, to, subject
    if answers:
        message["In-Reply-To"] = f"<{answers}>"
        message["References"] = f"<{answers}>"
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content(text)
    return message.as_bytes()
