"""Gives a client library a connection that stays ours: the other end of a socket pair.

Whatever a library does with its end, the connection to the tested server was opened by the dialer,
and what passes between the two is counted, kept as evidence, and cut off at the same limits as in a
conversation of our own.  The library never learns where the connection goes.
"""

import asyncio
import contextlib
import socket
from types import TracebackType
from typing import Self

from survey.errors import SurveyError
from survey.model.failure import Failure
from survey.probes.allowance import Allowance
from survey.probes.connect import close_kindly
from survey.probes.evidence import Evidence
from survey.probes.failures import failure_of

_PIECE = 8192
_LAST_WORDS = 0.5


class Splice:
    """Carries bytes both ways from ``async with`` to its end.

    Attributes:
        ip: The tested address; aborts go by it.
        near: The library's end, non-blocking; the splice closes it in the end.
        evidence: What passed.
        failure: Why it broke off, or None; a library that fails for it only knows that it ended.
        closed: The server has closed its side.
        kindly: Whether to end as TCP wishes; else with one packet.
    """

    def __init__(self, sock: socket.socket, ip: int, *, allowance: Allowance, total: float) -> None:
        """Over a connected socket, for ``total`` seconds at most."""
        self.ip = ip
        self.evidence = Evidence(sock, allowance)
        self.failure: Failure | None = None
        self.closed = False
        self.kindly = False
        self._far = sock
        self.near, self._ours = socket.socketpair()
        for end in (self.near, self._ours):
            end.setblocking(False)
        self._total = total
        self._tasks: tuple[asyncio.Task[None], ...] = ()
        self._timer: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._total, self.stop, Failure.DEADLINE)
        self._tasks = (
            loop.create_task(self._inward(loop)),
            loop.create_task(self._outward(loop)),
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._timer is not None
        self._timer.cancel()
        self.near.close()
        if self.kindly:  # what the library said last is still on its way
            await asyncio.wait(self._tasks[1:], timeout=_LAST_WORDS)
        for task in self._tasks:
            task.cancel()
        ended = await asyncio.gather(*self._tasks, return_exceptions=True)
        self._ours.close()
        if self.kindly:
            close_kindly(self._far)
        self._far.close()
        for result in ended:
            if isinstance(result, SurveyError):
                raise result from None

    def stop(self, failure: Failure) -> None:
        """End it now, for this reason: the library hears the end of file."""
        if self.failure is None:
            self.failure = failure
        self._hang_up()

    def _hang_up(self) -> None:
        with contextlib.suppress(OSError):
            self._ours.shutdown(socket.SHUT_RDWR)

    async def _inward(self, loop: asyncio.AbstractEventLoop) -> None:
        """From the server to the library."""
        while True:
            try:
                data = await loop.sock_recv(self._far, _PIECE)
            except OSError as error:
                self._broken(error)
                return
            if not data:
                self.closed = True
                with contextlib.suppress(OSError):
                    self._ours.shutdown(socket.SHUT_WR)
                return
            if not self.evidence.hear(data):
                self.stop(Failure.TOO_MUCH)
                return
            with contextlib.suppress(OSError):  # the library has closed its end
                await loop.sock_sendall(self._ours, data)

    async def _outward(self, loop: asyncio.AbstractEventLoop) -> None:
        """From the library to the server."""
        while data := await self._said(loop):
            self.evidence.say(data)
            try:
                await loop.sock_sendall(self._far, data)
            except OSError as error:
                self._broken(error)
                return

    async def _said(self, loop: asyncio.AbstractEventLoop) -> bytes:
        """The library's next words; none once it has closed its end, read or not."""
        try:
            return await loop.sock_recv(self._ours, _PIECE)
        except OSError:
            return b""

    def _broken(self, error: OSError) -> None:
        """The connection broke: the network's doing, or our own machine's."""
        self._hang_up()
        self.stop(failure_of(error))
