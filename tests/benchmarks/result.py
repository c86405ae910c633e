"""What one benchmark prints."""

import re
from dataclasses import dataclass
from pathlib import Path


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
    """Largest resident memory of this process so far, MB.

    ``getrusage`` would not do: its maximum is handed on to a program that a large process starts.
    """
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
    assert found is not None
    return round(int(found[1]) / 1024, 1)
