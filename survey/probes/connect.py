"""Waits for one connect to come to its end and hands the socket on, or says why there is none."""

import asyncio
import select
import socket
import struct

from survey.errors import LocalError
from survey.model.failure import Failure
from survey.probes.failures import failure_of
from survey.probes.poller import Poller

_BROKEN = select.EPOLLHUP | select.EPOLLERR
_NO_LINGER, _LINGER = struct.pack("ii", 1, 0), struct.pack("ii", 0, 0)


def outcome(sock: socket.socket) -> Failure:
    """Why a connect came to a bad end.

    Raises:
        LocalError: It was our own machine's doing.
    """
    code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    return failure_of(OSError(code, ""), connecting=True) if code else Failure.CLOSED


def close_abruptly(sock: socket.socket) -> None:
    """From now on a close is one packet, a reset, and leaves no state; it drops what is unsent."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)


def close_kindly(sock: socket.socket) -> None:
    """From now on a close is as TCP wishes: what is unsent goes out, then the end of file."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER)


class Connect:
    """One connect that has been begun; watched by a poller.

    Attributes:
        ip: The tested address; aborts go by it.
        due: When patience ends.
        done: The connected socket, or why there is none.
    """

    __slots__ = ("_poller", "_sock", "done", "due", "ip")

    done: asyncio.Future[socket.socket | Failure]

    def __init__(self, poller: Poller, sock: socket.socket, ip: int, timeout: float) -> None:
        self.ip = ip
        self.due = poller.loop.time() + timeout
        self.done = poller.loop.create_future()
        self._poller = poller
        self._sock = sock
        poller.watch(sock.fileno(), self)

    def ready(self, events: int) -> None:
        """The poller's call: something happened to the socket."""
        if self.done.done():
            return
        if events & _BROKEN:
            try:
                self.stop(outcome(self._sock))
            except LocalError as error:
                self.drop()
                self.done.set_exception(error)
        elif events & select.EPOLLOUT:
            self._poller.release(self._sock.fileno())
            self.done.set_result(self._sock)

    def expire(self, now: float) -> None:  # noqa: ARG002 - the poller's word to all
        """The poller's call: ``due`` is past."""
        self.stop(Failure.CONNECT_TIMEOUT)

    def stop(self, failure: Failure) -> None:
        """End it now, for this reason."""
        if not self.done.done():
            self.drop()
            self.done.set_result(failure)

    def drop(self) -> None:
        """Nobody waits for it any more: close, unless the socket was handed on."""
        if self._sock.fileno() >= 0:
            self._poller.leave(self._sock.fileno())
            self._sock.close()
