"""What came back: bounces, delays, machines' answers, complaints, wishes, and people's own words.

Only what a machine would say about a letter is looked for by a bounce reader: a person who quotes a
bounce is a person.
"""

import email
import re
from collections.abc import Iterator
from email.message import Message
from email.policy import compat32
from email.utils import getaddresses, parseaddr

from flufl.bounce import all_failures

from survey.model.case import NUMBER
from survey.model.incoming import Incoming, IncomingKind

MOST_BYTES = 1 << 20
"""Of a message; what comes behind is not read."""
_MOST_TEXT = 1 << 16
_MOST_PARTS = 40

_TO = ("delivered-to", "x-original-to", "envelope-to", "x-envelope-to", "to", "cc", "resent-to")
_ABOUT = ("in-reply-to", "references", "original-message-id")
_OURS = ("message-id", "return-path", "x-survey-case", "original-mail-from", "original-envelope-id")
_MACHINE = ("x-autoreply", "x-autorespond", "x-autoreply-from")
_BULK = {"bulk", "junk", "list", "auto_reply", "auto-reply"}
_ROBOT = re.compile(r"(mailer-daemon|no-?reply|do-?not-?reply|auto-?reply|bounces?)\b")
_DAEMON = re.compile(r"mailer-daemon\b")
_STATUS = re.compile(r"\b([245]\.[0-9]{1,3}\.[0-9]{1,3})\b")
_STOP = re.compile(r"no more letters", re.IGNORECASE)


def read_incoming(data: bytes) -> Incoming:
    """What a message is; a hostile one is a fact, too."""
    try:
        return _read(email.message_from_bytes(data[:MOST_BYTES], policy=compat32))
    except (ValueError, LookupError, AttributeError, TypeError, RecursionError):
        # the parser's own limits: a message that is none says nothing about a letter
        return Incoming(IncomingKind.UNREADABLE, "", "", "", (), frozenset(), "", "")


def _read(message: Message) -> Incoming:
    parts = list(_parts(message))
    kind, failed, status, detail = _kind(message, parts)
    subject = _words(message, "subject")
    # what a part quotes of our letter has our marks, in whatever form it was attached
    embedded = [one for part in parts[1:] for one in _headers(part, _OURS + _ABOUT)]
    quoted = [text for part in parts[1:] for text in _quoted(part)]
    told = [subject, *(_text(part) for part in parts), *embedded, *quoted]
    cases = dict.fromkeys(found[0].upper() for text in told for found in NUMBER.finditer(text))
    return Incoming(
        kind=kind,
        sender=_sender(message),
        to=" ".join(address for _, address in getaddresses(list(_headers(message, _TO)))),
        about=" ".join([*_headers(message, _ABOUT), *embedded, *quoted]),
        cases=tuple(cases),
        failed=failed,
        status=status,
        detail=detail,
    )


def _kind(message: Message, parts: list[Message]) -> tuple[IncomingKind, frozenset[str], str, str]:
    report = str(message.get_param("report-type") or "").lower()
    types = {part.get_content_type() for part in parts}
    nobody: frozenset[str] = frozenset()
    if report == "feedback-report" or "message/feedback-report" in types:
        return IncomingKind.COMPLAINT, nobody, "", _feedback(parts)
    read = report == "disposition-notification" or "message/disposition-notification" in types
    is_dsn = report == "delivery-status" or "message/delivery-status" in types
    submitted = _words(message, "auto-submitted").partition(";")[0].strip().lower()
    daemon = "x-failed-recipients" in message or _DAEMON.match(_sender(message)) is not None
    if is_dsn or daemon or (_from_nobody(message) and submitted != "auto-replied"):
        found = _failures(message, parts)
        if found is not None:
            return found
    if _STOP.search(_words(message, "subject")) and submitted in {"", "no"}:
        return IncomingKind.STOP, nobody, "", ""
    machine = read or is_dsn or _is_machine(message, submitted)
    return IncomingKind.AUTO_REPLY if machine else IncomingKind.PERSON, nobody, "", ""


def _failures(
    message: Message, parts: list[Message]
) -> tuple[IncomingKind, frozenset[str], str, str] | None:
    """A bounce or a delay, or None if it is neither."""
    try:
        temporary, permanent = all_failures(message)
    except Exception:  # noqa: BLE001 - its many readers trust a stranger's form
        return None
    text = " ".join(
        _report_text(part) for part in parts if part.get_content_type() == "message/delivery-status"
    )
    status = _STATUS.search(text)
    said = status[1] if status else ""
    if permanent:
        return IncomingKind.BOUNCE, _mailboxes(permanent), said, ""
    if temporary:
        return IncomingKind.DELAY, _mailboxes(temporary), said, ""
    return None


def _is_machine(message: Message, submitted: str) -> bool:
    """RFC 3834 s5, and what came before it."""
    return (
        submitted not in {"", "no"}
        or any(name in message for name in _MACHINE)
        or _words(message, "precedence").strip().lower() in _BULK
        or "list-id" in message
        or _from_nobody(message)
    )


def _from_nobody(message: Message) -> bool:
    """From the null sender, or from an address that no person writes with."""
    if _words(message, "return-path").strip() == "<>":
        return True
    return _ROBOT.match(_sender(message)) is not None


def _sender(message: Message) -> str:
    return parseaddr(_words(message, "from"))[1].lower()


def _feedback(parts: list[Message]) -> str:
    for part in parts:
        if part.get_content_type() == "message/feedback-report":
            found = re.search(r"(?im)^feedback-type:\s*([a-z-]{1,40})", _report_text(part))
            return found[1].lower() if found else ""
    return ""


def _parts(message: Message) -> Iterator[Message]:
    for count, part in enumerate(message.walk()):
        if count == _MOST_PARTS:
            return
        yield part


def _headers(message: Message, names: tuple[str, ...]) -> Iterator[str]:
    for name in names:
        for value in message.get_all(name) or ():
            yield str(value)[:_MOST_TEXT]


def _words(message: Message, name: str) -> str:
    return str(message.get(name, ""))[:_MOST_TEXT]


def _text(part: Message) -> str:
    """A part's own text, decoded; "" if it has other parts."""
    if part.is_multipart() or part.get_content_maintype() != "text":
        return ""
    return _decoded(part)


def _quoted(part: Message) -> Iterator[str]:
    """Our headers where they came as text: of a report, or of a letter without its body."""
    if part.get_content_type() in {"text/rfc822-headers", "message/feedback-report"}:
        head = email.message_from_string(_report_text(part))
        yield from _headers(head, _OURS + _ABOUT)


def _report_text(part: Message) -> str:
    """A report's fields as text; the parser makes blocks of messages of some."""
    payload = part.get_payload()
    if isinstance(payload, list):
        return "\n".join(str(one) for one in payload[:_MOST_PARTS])[:_MOST_TEXT]
    return _decoded(part)


def _decoded(part: Message) -> str:
    content = part.get_payload(decode=True)
    return content[:_MOST_TEXT].decode("utf-8", "replace") if isinstance(content, bytes) else ""


def _mailboxes(found: frozenset[bytes]) -> frozenset[str]:
    return frozenset(one.decode("utf-8", "replace").strip("<>").lower() for one in found)
