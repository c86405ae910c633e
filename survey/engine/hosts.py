"""How many connections one address has at this moment, discovery and conversations together."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Hosts:
    """At most ``limit`` connections to any one address; knows only the busy ones."""

    def __init__(self, limit: int) -> None:
        assert limit >= 1
        self._limit = limit
        self._busy: dict[int, int] = {}
        self._waiting: dict[int, deque[asyncio.Future[None]]] = {}

    def enter(self, ip: int) -> bool:
        """Take a connection to this address if one is free."""
        busy = self._busy
        count = busy.get(ip, 0)
        if count >= self._limit:
            return False
        busy[ip] = count + 1
        return True

    def leave(self, ip: int) -> None:
        """Give a connection back; who waits for it gets it at once."""
        queue = self._waiting.get(ip) if self._waiting else None
        while queue:
            heir = queue.popleft()
            if not queue:
                del self._waiting[ip]
            if not heir.done():
                heir.set_result(None)
                return
        count = self._busy[ip]
        if count > 1:
            self._busy[ip] = count - 1
        else:
            del self._busy[ip]

    @asynccontextmanager
    async def connection(self, ip: int) -> AsyncIterator[None]:
        """Hold a connection to this address, after those who asked before."""
        if not self.enter(ip):
            heir = asyncio.get_running_loop().create_future()
            self._waiting.setdefault(ip, deque()).append(heir)
            try:
                await heir
            except asyncio.CancelledError:
                if heir.done() and not heir.cancelled():
                    self.leave(ip)
                raise
        try:
            yield
        finally:
            self.leave(ip)
