"""What is kept, why, and for how long (law 10)."""

from dataclasses import dataclass, fields
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Retention:
    """Days until a row dies, by what it is kept for: ``[retention]`` of a campaign.

    Attributes:
        evidence: Bytes that strangers said, wherever they are kept.
        observations: What was seen of single addresses, and which of them are tested again.
        arrivals: What reached our canary.
        findings: Verdicts on single addresses, and what DNSBLs answered about them.
        contacts: Mail addresses of who answers for a network.
        listings: Our copies of what public databases say about addresses.
        registries: Our copies of public registries of ranges, from when newer ones took over.
        reports: Reports and letters that were written to the data directory.
        mail: What people wrote to our postmaster and abuse mailboxes.
        audit: Who exported what.
    """

    evidence: int = 90
    observations: int = 365
    arrivals: int = 365
    findings: int = 730
    contacts: int = 365
    listings: int = 365
    registries: int = 1825
    reports: int = 365
    mail: int = 90
    audit: int = 1095

    def longest(self, other: "Retention") -> "Retention":
        """The longer of both, period by period: for what several campaigns share."""
        return Retention(
            **{
                one.name: max(getattr(self, one.name), getattr(other, one.name))
                for one in fields(self)
            }
        )


LEAST = (
    ("observations", "evidence"),
    ("arrivals", "evidence"),
    ("findings", "evidence"),
    ("registries", "findings"),
)
"""(longer, shorter): the first is kept at least as long as the second, which rests on it."""


class Why(StrEnum):
    """Why something goes."""

    EXPIRED = "expired"
    """Its period is over."""
    EVIDENCE = "evidence"
    """The rows stay, the strangers' bytes in them go."""
    ERASED = "erased"
    """Somebody who opted out asked for it."""
    LEFTOVER = "leftover"
    """A process that died left it behind."""
