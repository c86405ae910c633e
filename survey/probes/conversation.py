"""Runs one dialogue over one socket: bytes, limits, evidence, and every way it can end."""

import asyncio
import select
import socket
from dataclasses import dataclass
from datetime import UTC, datetime

from survey.model.failure import Failure
from survey.model.observation import Step
from survey.probes.allowance import Allowance
from survey.probes.connect import outcome
from survey.probes.evidence import Evidence
from survey.probes.failures import failure_of
from survey.probes.poller import Poller
from survey.protocols.dialogue import Answer, Dialogue, Heard

FAREWELL_SECONDS = 1.0
"""Seconds that a server may take to end its side after our farewell; then a reset does."""

_PIECE = 8192
_ENDED = select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR
_HEARD = select.EPOLLIN | _ENDED
_BROKEN = select.EPOLLHUP | select.EPOLLERR


@dataclass(frozen=True, slots=True)
class Talk:
    """A conversation that is over.

    Attributes:
        answer: What its dialogue found out.
        started_at: When it was begun, UTC.
        duration: Seconds from then to the end.
        evidence: Its bytes.
    """

    answer: Answer
    started_at: datetime
    duration: float
    evidence: Evidence


class Conversation:
    """One dialogue over one socket whose connect has been begun; watched by a poller.

    Attributes:
        ip: The tested address; aborts go by it.
        due: When patience with the current reply, or with the whole, ends.
        done: Its Talk, once it is over.
    """

    __slots__ = (
        "_broken",
        "_connecting",
        "_dialogue",
        "_evidence",
        "_leaving",
        "_poller",
        "_reply",
        "_sock",
        "_started",
        "_started_at",
        "_total_due",
        "_unsent",
        "done",
        "due",
        "ip",
    )

    done: asyncio.Future[Talk]

    def __init__(
        self,
        poller: Poller,
        sock: socket.socket,
        ip: int,
        dialogue: Dialogue,
        *,
        allowance: Allowance,
        connect: float,
        reply: float,
        total: float,
    ) -> None:
        """What it may cost; the limits are in seconds: connect, each reply, whole."""
        self.ip = ip
        self.done = poller.loop.create_future()
        self._poller = poller
        self._sock = sock
        self._dialogue = dialogue
        self._evidence = Evidence(sock, allowance)
        self._reply = reply
        self._connecting = True
        self._unsent = b""
        self._broken: Failure | None = None
        self._leaving: Talk | None = None
        self._started = poller.loop.time()
        self._started_at = datetime.now(UTC)
        self._total_due = self._started + total
        self.due = self._started + min(connect, total)
        poller.watch(sock.fileno(), self)

    def ready(self, events: int) -> None:
        """The poller's call: something happened to the socket."""
        if self._leaving is not None:
            if events & _HEARD:
                self._leave(self._leaving)
            return
        try:
            if self._connecting and not self._connected(events):
                return
            if self._unsent and events & select.EPOLLOUT:
                self._flush()
            if events & _HEARD:
                self._listen(ended=bool(events & _ENDED))
        except Exception as error:  # noqa: BLE001 - for who waits, not for the loop
            self._fail(error)

    def expire(self, now: float) -> None:
        """The poller's call: ``due`` is past."""
        if self._leaving is not None:
            self._leave(self._leaving)
        elif now >= self._total_due:
            self.stop(Failure.DEADLINE)
        else:
            self.stop(Failure.CONNECT_TIMEOUT if self._connecting else Failure.STALLED)

    def stop(self, failure: Failure) -> None:
        """End it now, for this reason; what was seen until now is kept."""
        if self.done.done():
            return
        if self._leaving is not None:
            self._leave(self._leaving)
            return
        if self._connecting:
            self._finish(Answer(Step.NOTHING, failure))
            return
        try:
            self._hear(failure)
        except Exception as error:  # noqa: BLE001 - for who waits, not for the loop
            self._fail(error)

    def drop(self) -> None:
        """Nobody waits for it any more: end it, if it has not ended."""
        self._close()

    def _connected(self, events: int) -> bool:
        """Whether the connect has come to its good end; then the first word is said."""
        if events & _BROKEN:
            self._finish(Answer(Step.NOTHING, outcome(self._sock)))
            return False
        if not events & select.EPOLLOUT:
            return False
        self._connecting = False
        self.due = min(self._total_due, self._poller.now + self._reply)
        self._hear(None)
        return True

    def _listen(self, *, ended: bool) -> None:
        """Take all there is, since the next event comes only with the next bytes."""
        while not (self.done.done() or self._leaving):
            try:
                data = self._sock.recv(_PIECE)
            except BlockingIOError:
                return
            except OSError as error:
                self._hear(failure_of(error))
                return
            if not data:
                self._hear(self._broken or data)
                return
            self._hear(data if self._evidence.hear(data) else Failure.TOO_MUCH)
            if len(data) < _PIECE and not ended:
                return

    def _hear(self, heard: Heard | None) -> None:
        """Let the dialogue hear (None: begin), and say what it then says, or end."""
        try:
            say = next(self._dialogue) if heard is None else self._dialogue.send(heard)
        except StopIteration as end:
            self._finish(end.value)
            return
        if say:
            self._evidence.say(say)
            self._unsent += say
            self._flush()
            due = self._poller.now + self._reply
            self.due = min(self._total_due, due)

    def _flush(self) -> None:
        try:
            self._unsent = self._unsent[self._sock.send(self._unsent) :]
        except BlockingIOError:
            return
        except OSError as error:
            # It may have answered before it went: what it said is heard first, then this.
            self._broken = failure_of(error)
            self._unsent = b""

    def _finish(self, answer: Answer) -> None:
        duration = self._poller.now - self._started
        talk = Talk(answer, self._started_at, duration, self._evidence)
        if not (answer.farewell and self._take_leave(answer.farewell)):
            self._leave(talk)
        else:
            self._leaving = talk
            self.due = self._poller.now + FAREWELL_SECONDS

    def _take_leave(self, farewell: bytes) -> bool:
        """Say the last word and end our side; whether the server's end is still to come.

        The connection is over, and another one may begin, only when the server has ended it too, or
        said anything more: then a reset leaves nothing at either end.
        """
        self._evidence.say(farewell)
        try:
            self._sock.send(farewell, socket.MSG_MORE)  # the end of file rides on the last segment
            self._sock.shutdown(socket.SHUT_WR)
            self._sock.recv(1)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    def _leave(self, talk: Talk) -> None:
        self._close()
        if not self.done.done():
            self.done.set_result(talk)

    def _fail(self, error: Exception) -> None:
        self._close()
        if not self.done.done():
            self.done.set_exception(error)

    def _close(self) -> None:
        if self._sock.fileno() >= 0:
            self._poller.leave(self._sock.fileno())
            self._sock.close()
