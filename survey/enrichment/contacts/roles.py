"""Mailboxes of a role rather than of a person (RFC 2142): those come first."""

import re

_ABUSE = {"abuse", "abuso", "abus", "report-abuse", "abuse-report", "abuse-desk", "abusedesk"}
_ROLES = {
    *_ABUSE,
    "cert",
    "csirt",
    "helpdesk",
    "hostmaster",
    "incidents",
    "network",
    "noc",
    "postmaster",
    "security",
    "seguridad",
    "soc",
    "spam",
    "support",
    "trouble",
}
_PARTS = re.compile(r"[._+-]")
_PLAIN = re.compile(r"[\w!#$%&'*+/=?^`{|}~.-]{1,64}@[\w.-]{1,189}", re.ASCII)


def is_plain(email: str) -> bool:
    """Whether it may be a mailbox: no quotes, no comment, no address for a domain, ASCII."""
    return bool(_PLAIN.fullmatch(email))


def is_role(email: str) -> bool:
    """Whether several people can be expected behind it."""
    local = email.rpartition("@")[0].lower()
    return local in _ROLES or not _ROLES.isdisjoint(_PARTS.split(local))


def rank(email: str) -> int:
    """0 for an abuse desk, 1 for another role, 2 for what may be a person."""
    local = email.rpartition("@")[0].lower()
    if local in _ABUSE or "abuse" in local:
        return 0
    return 1 if is_role(email) else 2
