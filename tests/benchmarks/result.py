"""What one benchmark prints."""

import resource
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Result:
    """One line: ours and a peer, measured in the same run.

    Attributes:
        name: Which benchmark, and against which peer.
        unit: Of ``ours`` and ``peer_value``.
        ours: Our figure.
        peer: Who the peer is.
        peer_value: The peer's figure.
        ratio: How many times better we are: above 1 we win, whatever the unit.
        ours_cpu_s: CPU seconds that our side used (user and system).
        peer_cpu_s: CPU seconds that the peer used.
        rss_mb: Largest resident memory of this process so far, MB.
    """

    name: str
    unit: str
    ours: float
    peer: str
    peer_value: float
    ratio: float
    ours_cpu_s: float
    peer_cpu_s: float
    rss_mb: float


def rss_mb() -> float:
    """Largest resident memory of this process so far, MB."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)
