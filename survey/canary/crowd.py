"""Who is connected right now: bounded overall, per peer, and in time."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from itertools import takewhile


@dataclass(slots=True)
class Crowd:
    """The open connections of one listener, oldest first; all have the same life span.

    Attributes:
        most: Connections at once.
        most_per_peer: Connections of one address at once.
        seconds: Life span of a connection; whoever drips is cut off then.
    """

    most: int
    most_per_peer: int
    seconds: float
    _since: dict[asyncio.Transport, tuple[float, bytes]] = field(default_factory=dict)
    _peers: Counter[bytes] = field(default_factory=Counter)
    _empty: asyncio.Event = field(default_factory=asyncio.Event)

    def __len__(self) -> int:
        return len(self._since)

    def enter(self, transport: asyncio.Transport, peer: bytes, now: float) -> bool:
        """Let a connection in at ``now`` (seconds, monotonic); False if it must be turned away."""
        if len(self._since) >= self.most or self._peers[peer] >= self.most_per_peer:
            return False
        self._since[transport] = (now, peer)
        self._peers[peer] += 1
        self._empty.clear()
        return True

    def leave(self, transport: asyncio.Transport) -> None:
        """Forget a connection; one that never entered is no mistake."""
        since = self._since.pop(transport, None)
        if since is None:
            return
        peer = since[1]
        self._peers[peer] -= 1
        if not self._peers[peer]:
            del self._peers[peer]
        if not self._since:
            self._empty.set()

    def sweep(self, now: float) -> None:
        """Cut off the connections whose time is over."""
        late = takewhile(lambda entry: now - entry[1][0] >= self.seconds, self._since.items())
        for transport, _ in list(late):
            transport.abort()

    async def disperse(self, seconds: float) -> None:
        """Wait so long for everyone to leave, then cut off who is still here."""
        try:
            async with asyncio.timeout(seconds):
                await self._left()
        except TimeoutError:
            for transport in list(self._since):
                transport.abort()
            await self._left()

    async def _left(self) -> None:
        if self._since:
            await self._empty.wait()
