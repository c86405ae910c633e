"""Many sockets on one event loop without a task, a transport or a timer for each.

One epoll set hangs on the loop as one more descriptor.  Each socket is added once, edge-triggered,
and leaves when it is closed; limits are looked after by one sweep over all.  Measured against the
loop's own ways in docs/decisions (see there for figures).
"""

import asyncio
import select
from typing import Protocol

SWEEP_SECONDS = 0.05
"""How late a limit may be noticed; 0.9 s to connect and this are less than the second SYN's 1 s."""

_EVENTS = select.EPOLLIN | select.EPOLLOUT | select.EPOLLRDHUP | select.EPOLLET
_AT_ONCE = 256


class Watched(Protocol):
    """Somebody who waits for a socket."""

    due: float
    """When ``expire`` is called, in the loop's time; may move."""

    def ready(self, events: int) -> None:
        """Something happened to the socket (epoll event bits); must take all there is."""

    def expire(self, now: float) -> None:
        """``due`` is past."""


class Poller:
    """The epoll set of one event loop; for use inside it.

    Attributes:
        loop: That loop.
        now: The loop's time when the socket at hand became ready.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.now = loop.time()
        self._epoll = select.epoll()
        self._watched: dict[int, Watched] = {}
        self._sweeper: asyncio.TimerHandle | None = None
        loop.add_reader(self._epoll.fileno(), self._poll)

    def watch(self, descriptor: int, watched: Watched) -> None:
        """Call ``watched`` when something happens to the descriptor, or when it is due."""
        self._watched[descriptor] = watched
        self._epoll.register(descriptor, _EVENTS)
        if self._sweeper is None:
            self._sweeper = self.loop.call_later(SWEEP_SECONDS, self._sweep)

    def leave(self, descriptor: int) -> None:
        """Stop watching a descriptor that is closed right now; the kernel forgets it by itself."""
        self._watched.pop(descriptor, None)

    def release(self, descriptor: int) -> None:
        """Stop watching a descriptor that is handed on."""
        del self._watched[descriptor]
        self._epoll.unregister(descriptor)

    def close(self) -> None:
        """Leave the loop; nothing is watched any more."""
        if self._sweeper is not None:
            self._sweeper.cancel()
        self._watched.clear()
        self.loop.remove_reader(self._epoll.fileno())
        self._epoll.close()

    def _poll(self) -> int:
        """Tell those whose sockets are ready, some at once; how many those were."""
        self.now = self.loop.time()
        ready = self._epoll.poll(0, _AT_ONCE)
        for descriptor, events in ready:
            watched = self._watched.get(descriptor)
            if watched is not None:  # it may have left on the call of one before it
                watched.ready(events)
        return len(ready)

    def _sweep(self) -> None:
        # What has come while this machine was busy has come in time: our delay is nobody's status.
        while self._poll() == _AT_ONCE:
            pass
        now = self.now = self.loop.time()
        for watched in [each for each in self._watched.values() if each.due <= now]:
            watched.expire(now)
        self._sweeper = self.loop.call_later(SWEEP_SECONDS, self._sweep) if self._watched else None
