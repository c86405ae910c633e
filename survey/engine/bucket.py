"""A bucket of packets: how many may leave now, and never more because fewer left before.

masscan and ZMap both once ran away through feedback loops on a measured rate; a bucket with a small
burst has no feedback.
"""

from collections.abc import Callable

BURST_SECONDS = 0.02
"""Seconds' worth of packets that may leave at once (law: at most 50 ms; less than one is one)."""

HEADROOM = 0.97
"""The rest covers what leaves a moment after it was charged, and answers that the kernel makes."""


def limits(rate: float) -> tuple[int, float]:
    """Burst and refill per second, so that no closed second holds more than ``rate``.

    A bucket lets ``burst + refill`` through in a second at most; that stays below ``rate + 1``.
    """
    burst = max(1, int(rate * BURST_SECONDS))
    return burst, min(rate - burst + 0.95, rate * HEADROOM)


class TokenBucket:
    """Packets that may leave now."""

    def __init__(self, rate: int, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._at = clock()
        self._tokens = 0.0
        self._burst, self._refill = 1, 0.0
        self.set_rate(rate)

    def set_rate(self, rate: int) -> None:
        """Change the cap, packets/s; at 0 nothing leaves."""
        assert rate >= 0
        self._settle()
        self._burst, self._refill = limits(rate) if rate else (1, 0.0)
        self._tokens = min(self._tokens, self._burst)

    def available(self) -> int:
        """Packets that may leave at this moment; 0 also while a debt is paid off."""
        self._settle()
        return max(0, int(self._tokens))

    def charge(self, packets: int) -> None:
        """Packets that leave now; beyond what is available it is a debt that halts the rest."""
        self._tokens -= packets

    def wait(self, packets: int) -> float:
        """Seconds until ``packets``, or a burst if that is less, are available."""
        self._settle()
        missing = min(packets, self._burst) - self._tokens
        if missing <= 0:
            return 0.0
        return missing / self._refill if self._refill else float("inf")

    def _settle(self) -> None:
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._refill)
        self._at = now
