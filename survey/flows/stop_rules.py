"""When a scan pauses by itself: going on would harm, or would measure nothing but our own trouble.

A pause for the canary's sake ends when it is well again.  Any other waits for a person, who looks
into it and says ``survey rate CAMPAIGN.toml cap``.
"""

from collections import deque
from dataclasses import dataclass

CANARY_SECONDS = 15.0
"""The canary may be ill for so long; a restart of it takes less."""

WINDOW = 60.0
"""Seconds that are compared with everything before."""

FEW = 1000
"""Targets in a window below which it says nothing."""

ANSWERED_BEFORE = 0.01
"""Share of targets that must have answered before, if none does now."""

EXPECTED = 20.0
"""Open ports that must have been expected in a window, if hardly any is found."""

COLLAPSE = 5.0
"""So many times fewer than expected is a collapse; by chance it comes once in a million windows."""

UNREACHABLE = 0.5
"""Share of a window's targets that routers, or our own machine, called unreachable."""

SHORTAGES = 0.05
"""Connects that this machine could not make, to those that it made."""


@dataclass(frozen=True, slots=True)
class Sample:
    """How a scan stands at one moment; all counts since it began.

    Attributes:
        at: Seconds, monotonic.
        sent: Targets dialled.
        answered: Of those, open or refused.
        opened: Of those, open.
        unreachable: Reported unreachable.
        shortages: Times that a machine of ours could not send.
        canary_ill: Workers that find the canary out of order now.
    """

    at: float
    sent: int
    answered: int
    opened: int
    unreachable: int
    shortages: int
    canary_ill: int


class StopRules:
    """Looks at samples, about one a second."""

    def __init__(self) -> None:
        self._samples: deque[Sample] = deque()
        self._ill_since: float | None = None

    def forget(self) -> None:
        """A person has looked into it: what was before is not held against what comes."""
        self._samples.clear()

    def look(self, now: Sample) -> str:
        """Why to pause, or ""."""
        self._samples.append(now)
        while len(self._samples) > 1 and self._samples[1].at <= now.at - WINDOW:
            self._samples.popleft()
        return self.canary(now) or self._window(self._samples[0], now)

    def canary(self, now: Sample) -> str:
        """Why to pause for the canary's sake, or ""."""
        if not now.canary_ill:
            self._ill_since = None
            return ""
        if self._ill_since is None:
            self._ill_since = now.at
        if now.at - self._ill_since < CANARY_SECONDS:
            return ""
        return "the canary does not answer; the scan goes on when it does"

    @classmethod
    def _window(cls, then: Sample, now: Sample) -> str:
        sent = now.sent - then.sent
        if sent < FEW:
            return ""
        if now.shortages - then.shortages > sent * SHORTAGES:
            return (
                "a worker's machine lacks ports, descriptors or buffers; raise its limits "
                "or lower the rate"
            )
        if now.unreachable - then.unreachable > sent * UNREACHABLE:
            return "most targets are called unreachable; look at the workers' routes and firewalls"
        return cls._compared(then, now) if then.sent >= FEW else ""

    @staticmethod
    def _compared(then: Sample, now: Sample) -> str:
        """What a window lacks that everything before it had."""
        sent, answered = now.sent - then.sent, now.answered - then.answered
        if not answered and then.answered >= then.sent * ANSWERED_BEFORE:
            return "no target answers any more; somebody blocks what the workers send"
        expected = sent * then.opened / then.sent
        found = now.opened - then.opened
        if expected >= EXPECTED and found * COLLAPSE < expected:
            return (
                f"only {found:,} open ports in the last minute where {expected:,.0f} were to be "
                "expected; somebody may filter what the workers send"
            )
        return ""
