"""Who may ask the agencies' portal, and for what."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Scope(StrEnum):
    """What a key opens; each alone."""

    REPORTS = "reports"
    """Reports and public summaries: counts, no single host."""
    FEEDS = "feeds"
    """The lists of single hosts, in every form that the agency has."""
    CASES = "cases"
    """Cases of its jurisdiction, and what came of their letters."""
    QUERY = "query"
    """Findings by address or network, and who opted out, as counts."""


@dataclass(frozen=True, slots=True)
class PortalKey:
    """One key of an agency; its secret is kept nowhere.

    Attributes:
        id: Names the key, in the audit log too; no secret.
        agency: Agency id.
        holder: The person or machine that has it, one line.
        scopes: What it opens.
        made_at: UTC.
        expires_at: UTC; from then on it opens nothing.
        revoked_at: Since when it opens nothing, UTC, or None.
        used_at: When it was used last, UTC, to the minute, or None.
    """

    id: str
    agency: str
    holder: str
    scopes: frozenset[Scope]
    made_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = None
    used_at: datetime | None = None

    def opens(self, now: datetime) -> bool:
        """Whether it opens anything now."""
        return self.revoked_at is None and now < self.expires_at
