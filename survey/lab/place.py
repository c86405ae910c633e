"""What a personality has around it while it talks."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from survey.lab.peer import Peer
from survey.lab.post import PostOffice
from survey.lab.way_out import WayOut
from survey.lab.world import Door, Machine


@dataclass(frozen=True, slots=True)
class Place:
    """One door, the machine it belongs to, and the two ways out.

    Attributes:
        machine: The answering address.
        door: Its listening port.
        out: Tunnels, to the canary only.
        post: Mail, to the canary only.
        seen: When each stranger's triplet was first seen, for a greylist; loop seconds.
    """

    machine: Machine
    door: Door
    out: WayOut
    post: PostOffice
    seen: dict[bytes, float] = field(default_factory=dict)


Behaviour = Callable[[Peer, Place], Awaitable[None]]
"""How a personality talks; when it returns, the connection is closed."""
