"""One TCP connection as a conversation: hear, say, hang up, or be joined to another."""

import asyncio
import socket
import ssl
import struct
from collections.abc import Callable, Coroutine
from typing import Any, Self, cast

MOST_UNHEARD = 65536
"""Bytes that wait to be heard before the peer is told to slow down."""
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)

Talk = Callable[["Peer"], Coroutine[Any, Any, None]]


class Peer(asyncio.Protocol):
    """The other end of a connection.

    Args:
        talk: Started as a task once the connection stands; when it returns, the connection is
            closed.  None: the caller talks.
        present: The connections that stand; this one adds and removes itself.
    """

    __slots__ = (
        "_present",
        "_room",
        "_talk",
        "_twin",
        "_waiter",
        "gone",
        "heard",
        "over",
        "task",
        "transport",
    )

    def __init__(self, present: "set[Peer]", talk: Talk | None = None) -> None:
        self.transport: asyncio.Transport
        self.heard = bytearray()
        self.over = False
        """Nothing more will be heard."""
        self.gone = False
        """The connection is lost: nothing can be said either."""
        self._present = present
        self._talk = talk
        self.task: asyncio.Task[None] | None = None
        self._twin: Self | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._room: asyncio.Future[None] | None = None

    # What the event loop tells us.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start to talk."""
        self.transport = cast("asyncio.Transport", transport)
        self._present.add(self)
        if self._talk is not None:
            self.task = asyncio.get_running_loop().create_task(self._converse(self._talk))

    def data_received(self, data: bytes) -> None:
        """Keep what came, or pass it on to the twin."""
        if self._twin is not None:
            self._twin.say(data)
            return
        self.heard += data
        if len(self.heard) > MOST_UNHEARD:
            self.transport.pause_reading()
        self._wake()

    def eof_received(self) -> bool:
        """The peer has said all; we may go on."""
        self.over = True
        if self._twin is not None:
            self._twin.finish()
        self._wake()
        return True

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """The connection is no more; the twin's ends too."""
        self.over = self.gone = True
        self._present.discard(self)
        if self._twin is not None:
            self._twin.end()
        self.resume_writing()
        self._wake()

    def pause_writing(self) -> None:
        """The peer reads slowly: hear no more from the twin for a while."""
        self._room = asyncio.get_running_loop().create_future()
        if self._twin is not None and not self._twin.gone:
            self._twin.transport.pause_reading()

    def resume_writing(self) -> None:
        """There is room again."""
        if self._room is not None and not self._room.done():
            self._room.set_result(None)
        self._room = None
        if self._twin is not None and not self._twin.gone:
            self._twin.transport.resume_reading()

    # What a personality does.

    async def more(self) -> bytes:
        """Whatever comes next, at least a byte; ``b""`` once nothing more will come."""
        while not self.heard and not self.over:
            await self._news()
        return self._take(len(self.heard))

    async def line(self, limit: int) -> bytes | None:
        """The next line without its end; None if it never gets complete or is too long."""
        while (end := self.heard.find(b"\n")) < 0:
            if self.over or len(self.heard) > limit:
                return None
            await self._news()
        return self._take(end + 1)[:-1].removesuffix(b"\r")

    async def exactly(self, size: int) -> bytes | None:
        """The next ``size`` bytes; None if they never come."""
        while len(self.heard) < size:
            if self.over:
                return None
            await self._news()
        return self._take(size)

    async def until(self, mark: bytes, limit: int) -> bytes | None:
        """Everything up to and with the mark; None if it never comes within ``limit`` bytes."""
        while (end := self.heard.find(mark)) < 0:
            if self.over or len(self.heard) > limit:
                return None
            await self._news()
        return self._take(end + len(mark))

    async def silence(self) -> None:
        """Hear and forget until the peer has said all or is gone."""
        while await self.more():
            pass

    def say(self, data: bytes) -> None:
        """Send; nothing happens if the peer is gone."""
        if not self.gone:
            self.transport.write(data)

    async def pieces(self, data: bytes, size: int, pause: float) -> None:
        """Send in pieces of ``size`` bytes, that many seconds apart."""
        for start in range(0, len(data), size):
            self.say(data[start : start + size])
            if pause:
                await asyncio.sleep(pause)

    async def room(self) -> None:
        """Wait until the peer has taken most of what we said."""
        if self._room is not None:
            await self._room

    @property
    def is_secure(self) -> bool:
        """Whether TLS stands."""
        return self.transport.get_extra_info("sslcontext") is not None

    async def secure(self, context: ssl.SSLContext) -> bool:
        """Go over to TLS, and forget what was heard in the clear; False if none comes about."""
        self.heard.clear()
        loop = asyncio.get_running_loop()
        try:
            transport = await loop.start_tls(self.transport, self, context, server_side=True)
        except OSError:
            return False
        if transport is None:
            return False
        self.transport = transport
        return True

    def finish(self) -> None:
        """Say that we have said all; go on hearing."""
        if not self.gone and self.transport.can_write_eof():
            self.transport.write_eof()

    def end(self) -> None:
        """Close, after what was said is sent."""
        if not self.gone:
            self.transport.close()

    def reset(self) -> None:
        """Reset the connection."""
        if not self.gone:
            link: socket.socket = self.transport.get_extra_info("socket")
            link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            self.transport.abort()

    def abort(self) -> None:
        """Break off: the conversation is cancelled, the connection dropped."""
        self.transport.abort()
        if self.task is not None:
            self.task.cancel()

    async def join(self, twin: Self) -> None:
        """Pass everything on between the two, what was heard before too, until one is gone."""
        self._twin, twin._twin = twin, self
        for one, other in ((self, twin), (twin, self)):
            if one.heard:
                other.say(one._take(len(one.heard)))  # noqa: SLF001 - a Peer too
            if one.over:
                other.finish()
        while not (self.gone or twin.gone):
            await self._news()

    async def _converse(self, talk: Talk) -> None:
        try:
            await talk(self)
        finally:
            self.end()

    def _take(self, size: int) -> bytes:
        taken = bytes(self.heard[:size])
        del self.heard[:size]
        if len(self.heard) <= MOST_UNHEARD and not self.gone:
            self.transport.resume_reading()
        return taken

    async def _news(self) -> None:
        """Wait until something is heard, or never will be."""
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
