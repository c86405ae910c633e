"""How many sockets this process may hold: its limit, raised as far as it may be."""

import resource
from dataclasses import dataclass

RESERVE = 200
"""Descriptors for everything that is no target: files, the cluster, the event loop."""

DISCOVERY = 15_000
"""Connects in the air at most: 16,000/s into silence, and no more memory than that needs."""

CONVERSATIONS = 500
"""Conversations at once at most."""


@dataclass(frozen=True, slots=True)
class Room:
    """Sockets for each of the two stages."""

    discovery: int
    conversations: int


def socket_room() -> Room:
    """What fits into four fifths of the limit of open files, less a reserve."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    limit = 1_000_000 if hard == resource.RLIM_INFINITY else hard
    room = max(8, int(limit * 0.8) - RESERVE)
    conversations = min(CONVERSATIONS, room // 4)
    return Room(min(DISCOVERY, room - conversations), conversations)
