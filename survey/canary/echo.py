"""The echo host: the far end of tunnels, at a port of its own.

It speaks the few words of ``protocols.tunnel`` and nothing more, on a bare asyncio protocol: this
is what a scan reaches ten thousand times a second.  An answer to a token waits for the log.
"""

import asyncio
from dataclasses import dataclass
from typing import cast

from survey.canary.crowd import Crowd
from survey.canary.desk import FAILING, Desk
from survey.canary.limits import Limits
from survey.canary.visit import Visit
from survey.model.arrival import ArrivalKind
from survey.protocols.tunnel import answer

_OK = b"250 2.0.0 OK\r\n"
_BYE = b"221 2.0.0 Bye\r\n"
_UNKNOWN = b"502 5.5.1 This host only answers NOOP\r\n"
_TOO_MUCH = b"421 4.7.0 Too much\r\n"
_FULL = b"421 4.3.2 Too many connections, try again later\r\n"
_REPEATED = b"451 4.7.1 This token was here too often\r\n"
_FAILING = FAILING + b"\r\n"


@dataclass(frozen=True, slots=True)
class EchoHost:
    """The listener's side: makes one conversation per connection."""

    desk: Desk
    crowd: Crowd
    limits: Limits

    def __call__(self) -> "Conversation":
        """The conversation of one more connection."""
        return Conversation(self)


class Conversation(asyncio.Protocol):
    """One connection; reads line by line and stands still while an answer waits for the log."""

    __slots__ = ("_buffer", "_ended", "_host", "_transport", "_visit", "_waits", "_words")

    def __init__(self, host: EchoHost) -> None:
        self._host = host
        self._buffer = bytearray()
        self._words = 0
        self._waits = False
        self._ended = False
        self._visit: Visit | None = None
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Speak first, or turn away."""
        desk = self._host.desk
        self._transport = transport = cast("asyncio.Transport", transport)
        visit = Visit.of(desk, transport)
        if not self._host.crowd.enter(transport, visit.peer, desk.monotonic()):
            transport.write(_FULL)
            transport.close()
            desk.floodgate.unlisted += 1
            return
        self._visit = visit
        transport.write(desk.greeting)

    def data_received(self, data: bytes) -> None:
        """Hear a piece of any size."""
        if self._visit is None:
            return
        self._visit.hear(data)
        if self._visit.size > self._host.limits.word_bytes:
            self._leave(_TOO_MUCH)
            return
        self._buffer += data
        self._listen()

    def eof_received(self) -> bool:
        """The peer will say no more; what it said is still answered."""
        self._ended = True
        return self._waits

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Put on record what the visit was."""
        self._host.crowd.leave(self._transport)
        if self._visit is not None:
            self._visit.end()

    def _listen(self) -> None:
        while not self._waits and not self._transport.is_closing():
            end = self._buffer.find(b"\n")
            if end < 0:
                break
            line = bytes(self._buffer[:end]).rstrip(b"\r")
            del self._buffer[: end + 1]
            self._words += 1
            if self._words > self._host.limits.words:
                self._leave(_TOO_MUCH)
                return
            self._reply(line)
        if self._ended and not self._waits:
            self._transport.close()

    def _reply(self, line: bytes) -> None:
        assert self._visit is not None
        word, _, argument = line.partition(b" ")
        word = word.upper()
        if word == b"NOOP":
            self._noop(argument.strip())
        elif word == b"QUIT":
            self._leave(_BYE)
        elif word in (b"EHLO", b"HELO"):
            self._visit.helo = argument
            self._visit.overheard(argument)
            self._transport.write(b"250 %b\r\n" % self._host.desk.name.encode("ascii"))
        else:
            # an HTTP proxy's POST block brings its header first: unknown words are borne with
            self._transport.write(_UNKNOWN)

    def _noop(self, argument: bytes) -> None:
        assert self._visit is not None
        asked = self._visit.tunnel_nonce(argument) if argument else None
        if asked is None:
            self._visit.overheard(argument)
            self._transport.write(_OK if self._host.desk.log.healthy else _FAILING)
            return
        token, claims, nonce = asked

        def durable(written: bool) -> None:  # noqa: FBT001 - the shape of log.Then
            self._waits = False
            if not self._transport.is_closing():
                self._transport.write(answer(nonce) if written else _FAILING)
                self._listen()

        self._waits = True
        if not self._visit.note(ArrivalKind.TUNNEL, token, claims, durable, nonce=nonce):
            self._waits = False
            self._transport.write(_REPEATED)

    def _leave(self, word: bytes) -> None:
        self._buffer.clear()
        self._transport.write(word)
        self._transport.close()
