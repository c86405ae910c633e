r"""The web host: waits for the client, as web servers do, and answers a token with a nonce.

One request per connection (RFC 9112), ``GET /<token>``, answered with the line that ``tunnel``
has for a token.  Nothing may be kept of it on the way: a nonce is of one connection.
"""

import asyncio
import re
from dataclasses import dataclass
from typing import cast

from survey.canary.crowd import Crowd
from survey.canary.desk import FAILING, Desk
from survey.canary.limits import Limits
from survey.canary.visit import Visit
from survey.model.arrival import ArrivalKind
from survey.protocols.token import TOKEN_CHARS
from survey.protocols.tunnel import answer

_HEAD_END = re.compile(rb"\n\r?\n")
_REQUEST = re.compile(rb"(\S{1,32}) (\S+)(?: HTTP/\d\.\d)?\r?\n")
_TOKEN = re.compile(rb"/([A-Za-z2-7]{%d})(?:[?#].*)?\Z" % TOKEN_CHARS)


@dataclass(frozen=True, slots=True)
class WebHost:
    """The listener's side: makes one conversation per connection."""

    desk: Desk
    crowd: Crowd
    limits: Limits

    def __call__(self) -> "WebConversation":
        """The conversation of one more connection."""
        return WebConversation(self)


class WebConversation(asyncio.Protocol):
    """One connection: one request, one answer."""

    __slots__ = ("_head", "_host", "_transport", "_visit")

    def __init__(self, host: WebHost) -> None:
        self._host = host
        self._head: bytearray | None = bytearray()
        self._visit: Visit | None = None
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Let in, or turn away."""
        desk = self._host.desk
        self._transport = transport = cast("asyncio.Transport", transport)
        visit = Visit.of(desk, transport)
        if not self._host.crowd.enter(transport, visit.peer, desk.monotonic()):
            transport.abort()
            desk.floodgate.unlisted += 1
            return
        self._visit = visit

    def data_received(self, data: bytes) -> None:
        """Hear a piece of any size; what comes after the request is not read."""
        if self._visit is None or self._head is None:
            return
        self._visit.hear(data)
        self._head += data
        end = _HEAD_END.search(self._head)
        if end is not None:
            head, self._head = bytes(self._head[: end.end()]), None
            self._answer(head)
        elif len(self._head) > self._host.limits.head_bytes:
            self._head = None
            self._say(b"431 Request Header Fields Too Large", b"Too much\n")

    def eof_received(self) -> bool:
        """The peer will say no more; a whole request is still answered."""
        return self._head is None

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Put on record what the visit was."""
        self._host.crowd.leave(self._transport)
        if self._visit is not None:
            self._visit.end()

    def _answer(self, head: bytes) -> None:
        assert self._visit is not None
        request = _REQUEST.match(head)
        if request is None:
            self._say(b"400 Bad Request", b"No request\n")
        elif request[1] != b"GET":
            self._say(b"405 Method Not Allowed", b"This host only answers GET\n", b"Allow: GET\r\n")
        elif request[2] == b"/":
            self._welcome()
        else:
            token = _TOKEN.search(request[2])
            self._page(head, token[1] if token else b"")

    def _welcome(self) -> None:
        """The page of the host itself: who we are, and whether the log can be written."""
        desk = self._host.desk
        if desk.log.healthy:
            self._say(b"200 OK", desk.greeting)
        else:
            self._say(b"503 Service Unavailable", FAILING + b"\n")

    def _page(self, head: bytes, argument: bytes) -> None:
        assert self._visit is not None
        asked = self._visit.tunnel_nonce(argument)
        if asked is None:
            self._visit.overheard(head)
            self._say(b"404 Not Found", b"There is nothing here\n")
            return
        token, claims, nonce = asked

        def durable(written: bool) -> None:  # noqa: FBT001 - the shape of log.Then
            if written:
                self._say(b"200 OK", answer(nonce))
            else:
                self._say(b"503 Service Unavailable", FAILING + b"\n")

        if not self._visit.note(ArrivalKind.TUNNEL, token, claims, durable, nonce=nonce):
            self._say(b"429 Too Many Requests", b"This token was here too often\n")

    def _say(self, status: bytes, page: bytes, more: bytes = b"") -> None:
        """The one answer; the connection ends with it."""
        if self._transport.is_closing():
            return
        head = b"HTTP/1.1 %b\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n%b" % (
            status,
            len(page),
            more,
        )
        self._transport.write(head + b"Cache-Control: no-store\r\nConnection: close\r\n\r\n" + page)
        self._transport.close()
