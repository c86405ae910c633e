"""The proxies of the lab that fetch and deliver (RFC 9112 section 3.2.2), and their doubles."""

from dataclasses import dataclass

from survey.lab.http import Request, endpoint_of, read_request, reply_with
from survey.lab.peer import Peer
from survey.lab.place import Place
from survey.protocols.token import NONCE_CHARS

_LONGEST_BODY = 65536
_LONGEST_ANSWER = 65536
_TRANSFORMED = b"HTTP/1.1 200 Gatewaying\r\nX-Transformed-From: HTTP/0.9\r\nVia: 1.1 %b\r\n\r\n"


@dataclass(frozen=True, slots=True)
class ForwardProxy:
    """A proxy that passes requests with an absolute URI on for anybody; no CONNECT.

    Attributes:
        methods: Which it passes on; 403 to others.
        mail: Whether it goes to the mail port.
        only_http: It says 502 if the far end speaks no HTTP, though that got the whole request.
        bare: It passes the words of such a far end on as they are, without a head.
        adds: It says who it is, and for whom it asks.
    """

    methods: frozenset[bytes] = frozenset({b"GET", b"POST"})
    mail: bool = True
    only_http: bool = False
    bare: bool = False
    adds: bool = False

    async def __call__(self, peer: Peer, place: Place) -> None:
        """Read a request and pass it on to the canary, if that is who it asks for."""
        request = await read_request(peer)
        if request is None:
            peer.say(reply_with(place, b"400 Bad Request"))
            return
        host, path = _absolute(request.target)
        endpoint = endpoint_of(place, host) if host else None
        allowed = endpoint is not None and (self.mail or not place.out.is_mail(endpoint))
        if request.method not in self.methods or endpoint is None or not allowed:
            peer.say(reply_with(place, b"403 Forbidden"))
            return
        body = await peer.exactly(min(request.length, _LONGEST_BODY))
        far = await place.out.dial(place.door.exit_ip, endpoint)
        if far is None or body is None:
            peer.say(reply_with(place, b"503 Service Unavailable"))
            return
        try:
            far.say(self._passed_on(place, request, path) + body)
            peer.say(self._answer(place, await _all_of(far)))
        finally:
            far.end()

    def _passed_on(self, place: Place, request: Request, path: bytes) -> bytes:
        name = place.machine.name.encode()
        added = b""
        if self.adds:
            added = b"Via: 1.0 %b\r\nX-Forwarded-For: 192.0.2.77\r\n" % name
        return b"%b %b HTTP/1.0\r\n%b%b\r\n" % (
            request.method,
            path,
            b"".join(request.fields),
            added,
        )

    def _answer(self, place: Place, heard: bytes) -> bytes:
        if heard.startswith(b"HTTP/") or self.bare:
            return heard
        if self.only_http:
            return reply_with(place, b"502 Bad Gateway")
        return _TRANSFORMED % place.machine.name.encode() + heard


async def from_memory(peer: Peer, place: Place) -> None:
    """A cache that answers a GET with what it once kept: a nonce, but of another connection."""
    request = await read_request(peer)
    if request is None or request.method != b"GET":
        peer.say(reply_with(place, b"403 Forbidden"))
        return
    letters = bytes(ord("a") + byte % 26 for byte in place.machine.ip.to_bytes(4, "big"))
    page = b"250 2.0.0 %b\r\n" % (letters * (NONCE_CHARS // 4))
    peer.say(reply_with(place, b"200 OK", b"Age: 86400", page=page))


async def quotes(peer: Peer, place: Place) -> None:
    """A web server whose page repeats the whole request, token included."""
    request = await read_request(peer)
    if request is None:
        peer.say(reply_with(place, b"400 Bad Request"))
        return
    body = await peer.exactly(min(request.length, _LONGEST_BODY)) or b""
    words = b"%b %b\n%b\n%b" % (request.method, request.target, b"".join(request.fields), body)
    peer.say(reply_with(place, b"200 OK", page=b"<pre>250 2.0.0 You asked:\n%b</pre>" % words))


def _absolute(target: bytes) -> tuple[bytes, bytes]:
    """Host and port, and path, of an absolute URI; no host for any other target."""
    scheme, _, rest = target.partition(b"://")
    if scheme.lower() != b"http":
        return b"", target
    host, slash, path = rest.partition(b"/")
    return host if b":" in host else host + b":80", slash + path or b"/"


async def _all_of(far: Peer) -> bytes:
    """Everything that the far end says until it closes, within bounds."""
    heard = b""
    while len(heard) < _LONGEST_ANSWER and (piece := await far.more()):
        heard += piece
    return heard
