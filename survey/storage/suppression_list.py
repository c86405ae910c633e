"""Mailboxes and domains that get no letter: one append-only log per organisation (law 7).

It is asked up to the moment of sending.  A list that can't be trusted means: don't send.  Nothing
is ever taken back, so what it holds stays: without it the wish could not be honoured.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from survey.errors import ConfigError
from survey.storage.chained_log import ChainedLog, Record

_LOG = ChainedLog(
    b'{"log": "survey suppressions", "format": 1}\n', "suppression list", "survey contacts init"
)
_LABEL = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
_DOMAIN = re.compile(rf"(?=.{{1,253}}$)({_LABEL}\.)+{_LABEL}")
_LOCAL = re.compile(r"[!-?A-~]{1,64}")


class Cause(StrEnum):
    """Why nothing is sent there."""

    ASKED = "asked"
    """Somebody there does not want letters; then nobody else is looked for, either."""
    DEAD = "dead"
    """Nobody reads it: mail bounces; the next best contact is looked for."""


@dataclass(frozen=True, slots=True)
class Suppression:
    """One entry.

    Attributes:
        what: Mailbox, or a domain with all below it; lower case.
        cause: Why nothing is sent there.
        by: Who said so, one line.
        why: In their words, one line.
        added_at: When it was written here, UTC.
    """

    what: str
    cause: Cause
    by: str
    why: str
    added_at: datetime


@dataclass(frozen=True, slots=True)
class Suppressions:
    """The list as it was read.

    Attributes:
        entries: All entries, oldest first; none is ever taken back.
    """

    entries: tuple[Suppression, ...]

    def of(self, email: str) -> Suppression | None:
        """The entry that forbids a mailbox, or None; a wish comes before a bounce."""
        mailbox = email.lower()
        domain = mailbox.rpartition("@")[2]
        found = [
            one
            for one in self.entries
            if one.what in {mailbox, domain} or domain.endswith(f".{one.what}")
        ]
        return min(found, key=lambda one: one.cause is not Cause.ASKED, default=None)


def init_list(path: Path) -> None:
    """Make an empty list.

    Raises:
        ConfigError: There is something at ``path`` already.
    """
    _LOG.create(path)


def read_list(path: Path) -> Suppressions:
    """The whole list.

    Raises:
        GateClosedError: It is missing, can't be read, or any line is not as it was written.
    """
    return _suppressions(path, _LOG.read(path))


def suppress(  # noqa: PLR0917 - the columns of one entry, in their order
    path: Path, what: str, cause: Cause, by: str, why: str, now: datetime
) -> Suppressions:
    """Append one entry durably and return the list with it.

    Args:
        path: The list.
        what: Mailbox or domain.
        cause: Why nothing is sent there.
        by: Who said so, one line.
        why: In their words, one line.
        now: UTC.

    Raises:
        ConfigError: It is neither a mailbox nor a domain, or a line is none.
        GateClosedError: The list is missing or damaged.
    """
    assert now.tzinfo is not None, "times are UTC"
    entry = Suppression(
        _mailbox_or_domain(what), cause, _line("--by", by), _line("--why", why), now
    )
    record = {
        "added_at": entry.added_at.isoformat(),
        "by": entry.by,
        "cause": entry.cause.value,
        "what": entry.what,
        "why": entry.why,
    }
    return _suppressions(path, _LOG.append(path, record))


def _mailbox_or_domain(text: str) -> str:
    what = text.strip().lower()
    local, at, domain = what.rpartition("@")
    if not _DOMAIN.fullmatch(domain) or (at and not _LOCAL.fullmatch(local)):
        raise ConfigError(
            "WHAT",
            "",
            f"{text[:80]!r} is neither a mailbox nor a domain",
            "write abuse@example.net or example.net; other letters as xn--...",
        )
    return what


def _line(option: str, text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise ConfigError(option, "", f"{text[:80]!r} won't do", "write one line of text")
    return text.strip()


def _suppressions(path: Path, records: tuple[Record, ...]) -> Suppressions:
    entries = []
    for number, record in enumerate(records, start=2):
        try:
            entry = Suppression(
                what=_text(record["what"]),
                cause=Cause(record["cause"]),
                by=_text(record["by"]),
                why=_text(record["why"]),
                added_at=datetime.fromisoformat(record["added_at"]),
            )
        except (ValueError, KeyError, TypeError):
            raise _LOG.damaged(path, number) from None
        entries.append(entry)
    return Suppressions(tuple(entries))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value
