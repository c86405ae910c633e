"""A finding's life across the runs of a campaign: when it began, whether and how it ended.

An episode is one continuous exposure of (campaign, address, port, kind).  Its rules are in
docs/lifecycle.md; the figures in them are here.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

LOST_RUNS = 4
"""Done runs in a row that say nothing about an open target before it is lost."""

LOST_DAYS = 28
"""And as many days at least since anything was heard of it."""

REGRESSION_DAYS = 90
"""Days that a fix must last; what opens again within them has regressed."""

MOVE_DAYS = 35
"""Days from the last proof at one address to the first at another, for the same server to move."""

LETTER_DAYS = (1, 3, 7, 14, 30)
"""Days after a letter on which its target is tested again."""


class ExposureKind(StrEnum):
    """What stands open; a port that is both has an episode of each."""

    RELAY = "relay"
    PROXY = "proxy"


class State(StrEnum):
    """How an episode stands as of the last run."""

    NEW = "new"
    """Opened in the last run."""
    REGRESSED = "regressed"
    """Opened in the last run, within 90 days of a fix."""
    PERSISTENT = "persistent"
    """Opened in an earlier run, and not ended."""
    FIXED = "fixed"
    """Two negative checks on two days; dated at the first."""
    LOST = "lost"
    """Nothing was heard of it in four done runs and 28 days."""


class Loss(StrEnum):
    """Why nothing was heard."""

    SILENCE = "silence"
    """It was tested, and no check had an answer that says anything."""
    ABSENCE = "absence"
    """It was not tested: out of the plan, excluded, or not watched."""


class Mark(StrEnum):
    """By what a server is thought to be the same at another address, surest first."""

    HOST = "host"
    """Its own name, shown to resolve to each address in turn."""
    GREETING = "greeting"
    """The name in its greeting, which no other address used at the same time."""
    EXIT = "exit"
    """The address from which it came out at our canary, which is not its own."""


@dataclass(frozen=True, slots=True)
class Told:
    """A letter about one target.

    Attributes:
        ip: Its address, as a number.
        port: Its port.
        kind: What stands open there.
        sent_at: When the letter was sent, UTC.
    """

    ip: int
    port: int
    kind: ExposureKind
    sent_at: datetime


class WatchedFor(StrEnum):
    """Why a target gets a row in a run whatever it says."""

    EPISODE = "episode"
    """It is open, or was fixed lately."""
    CASE = "case"
    """Somebody was written to about it, or asked for a test."""
    LISTING = "listing"
    """It was open once, and a public database still names it."""


@dataclass(frozen=True, slots=True, order=True)
class Watch:
    """One watched target.

    Attributes:
        ip: Its address, as a number.
        port: Its port.
        reason: Why.
    """

    ip: int
    port: int
    reason: WatchedFor


class Part(StrEnum):
    """What episodes are counted by; each keeps those of its opening all its life."""

    ALL = "all"
    KIND = "kind"
    PROBE = "probe"
    """Which test proved it; one that several proved is counted in each."""
    COUNTRY = "country"
    REGISTRY_COUNTRY = "registry_country"
    NETWORK = "network"
    HOLDER = "holder"
    ORGANISATION = "organisation"
    BLOCK = "block"
    """The /24."""
    SOFTWARE = "software"


class Span(StrEnum):
    """How long a period of a balance is."""

    RUN = "run"
    """From the end of the run before to the end of this one."""
    MONTH = "month"
    """A calendar month, UTC, like 2026-11."""
