"""Reading the RIPE database's answer about who answers for abuse; pure, nothing is asked here."""

import json
import re

from survey.enrichment.contacts.rdap import UnreadableError
from survey.enrichment.contacts.roles import is_plain
from survey.model.address import Range, parse_ip
from survey.model.contact_answer import Mailbox, alone, near

_RANGE = re.compile(r"([0-9.]{7,15}) ?- ?([0-9.]{7,15})")


def read_abuse_c(data: bytes, ip: int) -> tuple[Range, tuple[Mailbox, ...]]:
    """Addresses that an answer holds for, and the mailbox that it names, if it names one.

    A mailbox that RIPE found dead (``suspect``) is none.

    Raises:
        UnreadableError: It is no such answer.
    """
    try:
        content = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise UnreadableError(f"is no JSON ({type(error).__name__})") from error
    said = content.get("abuse-contacts") if isinstance(content, dict) else None
    if not isinstance(said, dict):
        raise UnreadableError("names no abuse-contacts")
    email = said.get("email")
    if not isinstance(email, str) or not is_plain(email) or said.get("suspect") is True:
        return _about(content, ip), ()
    return _about(content, ip), (Mailbox(email),)


def _about(content: dict[str, object], ip: int) -> Range:
    match content.get("parameters"):
        case {"primary-key": {"value": str(text)}} if ends := _RANGE.fullmatch(text):
            try:
                first, last = map(parse_ip, ends.groups())
            except ValueError:
                return alone(ip)
            if first <= ip <= last:
                return near(ip, Range(first, last))
    return alone(ip)
