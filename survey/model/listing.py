"""What a public database says about an address, and a database that may be asked over DNS."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from survey.model.plan import Endpoint


@dataclass(frozen=True, slots=True)
class Listing:
    """What one public database says about an address or its host.

    Attributes:
        name: Name of the public database.
        since: Listed since, UTC, as the publisher says, or None if it does not.
        snapshot: Id of the snapshot that says so, or ``check`` for an answer over DNS.
        seen_since: First of our own copies or look-ups in a row that found it listed, UTC.
        last_seen: The last one, UTC.
        code: Its return code (``127.0.0.2``), or "".
        reason: What it says of the entry, a stranger's words, or "".
    """

    name: str
    since: datetime | None
    snapshot: str
    seen_since: datetime | None = None
    last_seen: datetime | None = None
    code: str = ""
    reason: str = ""

    @property
    def known_since(self) -> datetime | None:
        """Listed since at least then, UTC: the publisher's word, else what we saw ourselves."""
        return self.since or self.seen_since


class Listed(StrEnum):
    """What a DNSBL answered about an address."""

    LISTED = "listed"
    NOT_LISTED = "not_listed"
    """It said so itself (NXDOMAIN)."""
    UNKNOWN = "unknown"
    """No answer, an error, or one that we can't explain; never taken for "not listed"."""


@dataclass(frozen=True, slots=True)
class Dnsbl:
    """A DNSBL that a campaign may ask, with whose permission, and how fast.

    Attributes:
        zone: Its zone, e.g. ``relays.dnsbl.example``; the name of the listing, too.
        nameserver: The only place that is asked.
        permission: Who permitted it, one line.
        queries_per_second: At most so many, whatever is asked.
        meanings: Return code (``127.0.0.2``) and its meaning; another code means nothing to us.
        cache_hours: An answer holds for so long.
    """

    zone: str
    nameserver: Endpoint
    permission: str
    queries_per_second: float
    meanings: tuple[tuple[str, str], ...]
    cache_hours: float
