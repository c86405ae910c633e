"""The HTTP proxies and web servers of the lab (RFC 9110 section 9.3.6 for CONNECT)."""

import asyncio
from dataclasses import dataclass

from survey.lab.oddities import play_canary
from survey.lab.peer import Peer
from survey.lab.place import Behaviour, Place
from survey.lab.software import HTTP_SERVER, TUNNEL_AGENT
from survey.model.plan import Endpoint

_LONGEST_HEAD = 16384
_MOST_FIELDS = 100
_ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n"
_PAGE = (
    b"<!doctype html><html><head><title>Welcome</title></head><body><h1>It works</h1>"
    b"<p>There is nothing else on this server.</p></body></html>\n"
)


@dataclass(frozen=True, slots=True)
class Request:
    """The head of a request.

    Attributes:
        method: In capitals.
        target: As it was sent.
        fields: The header lines, each with its end.
    """

    method: bytes
    target: bytes
    fields: tuple[bytes, ...] = ()

    @property
    def length(self) -> int:
        """Bytes of the body that follows."""
        for line in self.fields:
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length" and value.strip().isdigit():
                return int(value)
        return 0


@dataclass(frozen=True, slots=True)
class ConnectProxy:
    """A proxy that tunnels for anybody.

    Attributes:
        glued: Its reply and the far end's first bytes come in one piece.
        piece: Bytes of its reply sent at once, 0 for all.
        delay: Seconds before it begins.
        mail: Whether it tunnels to the mail port.
    """

    glued: bool = False
    piece: int = 0
    delay: float = 0.0
    mail: bool = True

    async def __call__(self, peer: Peer, place: Place) -> None:
        """Read a request; if it is CONNECT to the canary, tunnel."""
        request = await read_request(peer)
        if request is None:
            peer.say(reply_with(place, b"400 Bad Request"))
            return
        if request.method != b"CONNECT":
            peer.say(reply_with(place, b"501 Not Implemented"))
            return
        await self.tunnel(peer, place, request.target)

    async def tunnel(self, peer: Peer, place: Place, target: bytes) -> None:
        """Answer CONNECT, and tunnel to the canary."""
        endpoint = endpoint_of(place, target)
        if endpoint is None or (place.out.is_mail(endpoint) and not self.mail):
            peer.say(reply_with(place, b"403 Forbidden"))
            return
        if self.delay:
            await asyncio.sleep(self.delay)
        far = await place.out.dial(place.door.exit_ip, endpoint)
        if far is None:
            peer.say(reply_with(place, b"503 Service Unavailable"))
            return
        try:
            reply = _ESTABLISHED + _agent(place) + b"\r\n"
            if self.glued:
                reply += await far.more()
            await peer.pieces(reply, self.piece or len(reply), 0.003 if self.piece else 0)
            await peer.join(far)
        finally:
            far.end()


def always(status: bytes, *headers: bytes, page: bytes = _PAGE) -> Behaviour:
    """The same answer to whatever is asked, also to what is no HTTP at all."""

    async def behaviour(peer: Peer, place: Place) -> None:
        await read_request(peer)
        peer.say(reply_with(place, status, *headers, page=page))

    return behaviour


async def bad_request(peer: Peer, place: Place) -> None:
    """400 to CONNECT and to what is no HTTP, as soon as that is clear; a page to a GET."""
    request = await read_request(peer)
    fine = request is not None and request.method in {b"GET", b"HEAD"}
    peer.say(reply_with(place, b"200 OK" if fine else b"400 Bad Request"))


async def not_allowed(peer: Peer, place: Place) -> None:
    """405 to CONNECT, 400 to what is no HTTP, a page to a GET."""
    request = await read_request(peer)
    if request is None:
        peer.say(reply_with(place, b"400 Bad Request"))
    elif request.method in {b"GET", b"HEAD"}:
        peer.say(reply_with(place, b"200 OK"))
    else:
        peer.say(reply_with(place, b"405 Method Not Allowed", b"Allow: GET,POST,OPTIONS,HEAD"))


async def endless_portal(peer: Peer, place: Place) -> None:
    """200 and a login page without a length, and the connection stays open."""
    await read_request(peer)
    peer.say(b"HTTP/1.1 200 OK\r\n%bContent-Type: text/html\r\n\r\n" % _server(place))
    peer.say(b"<html><body><form action='/login'>Sign in to use this network</form>\n")
    await peer.silence()


async def fake_tunnel(peer: Peer, place: Place) -> None:
    """200 to CONNECT, then the canary's part played by a stranger."""
    if await read_request(peer) is None:
        return
    peer.say(_ESTABLISHED + b"\r\n")
    await play_canary(peer, place)


async def read_request(peer: Peer) -> Request | None:
    """The next request's head; None if what comes is no HTTP."""
    first = await peer.exactly(1)
    if first is None or not first.isalpha():
        return None
    head = await peer.until(b"\n", _LONGEST_HEAD)
    if head is None:
        return None
    words = (first + head).split()
    if len(words) != 3 or not words[2].startswith(b"HTTP/"):  # noqa: PLR2004 - method target version
        return None
    fields: list[bytes] = []
    while (head := await peer.until(b"\n", _LONGEST_HEAD)) not in {b"\r\n", b"\n"}:
        if head is None or len(fields) >= _MOST_FIELDS:
            return None
        fields.append(head)
    return Request(words[0].upper(), words[1], tuple(fields))


def endpoint_of(place: Place, target: bytes) -> Endpoint | None:
    """The canary's endpoint that ``host:port`` names; None for anything else."""
    host, _, port = target.rpartition(b":")
    if not (port.isdigit() and len(port) <= 5):  # noqa: PLR2004 - ports have up to five digits
        return None
    return place.out.endpoint(host, int(port))


def _server(place: Place) -> bytes:
    """The line that names a web server, if it does."""
    software = place.door.software
    return b"Server: %b\r\n" % HTTP_SERVER[software] if software in HTTP_SERVER else b""


def _agent(place: Place) -> bytes:
    """The line by which a proxy names itself beside a tunnel, if it does."""
    software = place.door.software
    return b"Proxy-Agent: %b\r\n" % TUNNEL_AGENT[software] if software in TUNNEL_AGENT else b""


def reply_with(place: Place, status: bytes, *headers: bytes, page: bytes = _PAGE) -> bytes:
    """A whole reply with a page."""
    fields = (
        b"Content-Type: text/html",
        b"Content-Length: %d" % len(page),
        b"Connection: close",
        *headers,
    )
    head = b"".join(one + b"\r\n" for one in fields)
    return b"HTTP/1.1 %b\r\n%b%b\r\n%b" % (status, _server(place), head, page)
