"""Reading security.txt (RFC 9116): whom an organisation wants to be written to; pure."""

import re
from datetime import UTC, datetime
from urllib.parse import unquote

from survey.enrichment.contacts.roles import is_plain
from survey.model.contact_answer import Mailbox

MOST_CONTACTS = 5
MOST_LINES = 1000
PATH = "/.well-known/security.txt"
_FIELD = re.compile(r"([A-Za-z-]{1,40}):[ \t]*(.*)")


def read_security_txt(data: bytes, now: datetime) -> tuple[Mailbox, ...]:
    """The mailboxes that it names, the preferred first; none if it does not say that it is valid.

    It must say exactly once until when it holds, and that must be ahead (s2.5.5).
    """
    lines = data.decode("utf-8", "replace").splitlines()[:MOST_LINES]
    matches = [match for line in lines if (match := _FIELD.fullmatch(line.rstrip()))]
    fields = [(match[1].lower(), match[2].strip()) for match in matches]
    if [_is_ahead(value, now) for name, value in fields if name == "expires"] != [True]:
        return ()
    tags = next((value for name, value in fields if name == "preferred-languages"), "")
    language = tags.partition(",")[0].strip()
    if not re.fullmatch(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*", language):
        language = ""
    emails = [_email(value) for name, value in fields if name == "contact"]
    usable = dict.fromkeys(email for email in emails if is_plain(email))
    return tuple(Mailbox(email, language=language) for email in usable)[:MOST_CONTACTS]


def _email(value: str) -> str:
    """What a mailto names; "" for another kind of contact."""
    scheme, _, rest = value.partition(":")
    return unquote(rest.partition("?")[0]) if scheme.lower() == "mailto" else ""


def _is_ahead(value: str, now: datetime) -> bool:
    try:
        expires = datetime.fromisoformat(value.upper())
    except ValueError:
        return False
    return expires.tzinfo is not None and expires.astimezone(UTC) > now
