"""The SOCKS proxies of the lab: versions 4, 4a and 5 (RFC 1928)."""

import struct
from dataclasses import dataclass
from enum import StrEnum

from survey.lab.http import ConnectProxy
from survey.lab.oddities import play_canary
from survey.lab.peer import Peer
from survey.lab.place import Place
from survey.model.address import format_ip
from survey.model.plan import Endpoint

_LONGEST_TEXT = 255
_GRANTED_4, _REJECTED_4, _USER_DIFFERS_4 = 0x5A, 0x5B, 0x5D
_GRANTED, _FAILED, _DENIED = 0x00, 0x01, 0x02
_NO_METHOD = b"\x05\xff"


class After(StrEnum):
    """What a proxy does with a CONNECT."""

    TUNNEL = "tunnel"
    DENY = "deny"
    FAIL = "fail"
    SILENCE = "silence"
    CLOSE = "close"
    FAKE = "fake"


@dataclass(frozen=True, slots=True)
class Wish:
    """A client's CONNECT."""

    version: int
    host: bytes
    port: int


@dataclass(frozen=True, slots=True)
class SocksProxy:
    """A SOCKS server.

    Attributes:
        five: Whether it speaks version 5.
        four: Whether it speaks version 4.
        names: Whether it knows 4a, too.
        auth: It wants a user name.
        after: What it does with a CONNECT.
        mail: Whether it tunnels to the mail port.
        piece: Bytes of a reply sent at once, 0 for all.
        named: The bound address in its reply is a name.
        turns_away: What it says to anything it does not speak.
        web: It answers HTTP CONNECT on the same port, too.
    """

    five: bool = True
    four: bool = True
    names: bool = True
    auth: bool = False
    after: After = After.TUNNEL
    mail: bool = True
    piece: int = 0
    named: bool = False
    turns_away: bytes = b""
    web: bool = False

    async def __call__(self, peer: Peer, place: Place) -> None:
        """Read a wish in whichever version the client speaks, and do with it what we do."""
        first = await peer.exactly(1)
        if first == b"\x05" and self.five:
            wish = await self._five(peer)
        elif first == b"\x04" and self.four:
            wish = await self._four(peer)
        elif first == b"C" and self.web:
            await self._web(peer, place)
            return
        else:
            if first is not None:
                peer.say(self.turns_away)
            return
        if wish is not None:
            await self._grant(peer, place, wish)

    async def _five(self, peer: Peer) -> Wish | None:
        count = await peer.exactly(1)
        methods = await peer.exactly(count[0]) if count else None
        if methods is None:
            return None
        if self.auth or 0 not in methods:
            peer.say(_NO_METHOD)
            return None
        await self._say(peer, b"\x05\x00")
        head = await peer.exactly(4)
        if head is None or head[0] != 5 or head[1] != 1:  # noqa: PLR2004 - version 5, CONNECT
            return None
        match head[3]:
            case 1:
                address = await peer.exactly(4)
                host = format_ip(int.from_bytes(address, "big")).encode() if address else None
            case 3:
                length = await peer.exactly(1)
                host = await peer.exactly(length[0]) if length else None
            case _:
                peer.say(b"\x05\x08\x00\x01" + bytes(6))
                return None
        port = await peer.exactly(2)
        if host is None or port is None:
            return None
        return Wish(5, host, int.from_bytes(port, "big"))

    async def _four(self, peer: Peer) -> Wish | None:
        head = await peer.exactly(7)
        user = await peer.until(b"\0", _LONGEST_TEXT)
        if head is None or user is None:
            return None
        command, port, address = struct.unpack(">BHI", head)
        host = format_ip(address).encode()
        if 0 < address < 256 and self.names:  # noqa: PLR2004 - 0.0.0.x means that a name follows
            name = await peer.until(b"\0", _LONGEST_TEXT)
            if name is None:
                return None
            host = name[:-1]
        if command != 1:
            return None
        if self.auth:
            peer.say(struct.pack(">BBHI", 0, _USER_DIFFERS_4, 0, 0))
            return None
        return Wish(4, host, port)

    async def _grant(self, peer: Peer, place: Place, wish: Wish) -> None:
        match self.after:
            case After.TUNNEL:
                await self._tunnel(peer, place, wish)
            case After.DENY:
                await self._say(peer, self._reply(place, wish, _DENIED))
            case After.FAIL:
                await self._say(peer, self._reply(place, wish, _FAILED))
            case After.CLOSE:
                await self._say(peer, self._reply(place, wish, _GRANTED))
            case After.SILENCE:
                await self._say(peer, self._reply(place, wish, _GRANTED))
                await peer.silence()
            case After.FAKE:
                await self._say(peer, self._reply(place, wish, _GRANTED))
                await play_canary(peer, place)

    async def _tunnel(self, peer: Peer, place: Place, wish: Wish) -> None:
        endpoint = place.out.endpoint(wish.host, wish.port)
        if endpoint is None or (place.out.is_mail(endpoint) and not self.mail):
            await self._say(peer, self._reply(place, wish, _DENIED))
            return
        far = await place.out.dial(place.door.exit_ip, endpoint)
        if far is None:
            await self._say(peer, self._reply(place, wish, _FAILED))
            return
        try:
            await self._say(peer, self._reply(place, wish, _GRANTED, endpoint))
            await peer.join(far)
        finally:
            far.end()

    async def _web(self, peer: Peer, place: Place) -> None:
        head = await peer.until(b"\r\n\r\n", 4096)
        words = (b"C" + head).split() if head else []
        if len(words) > 1 and words[0] == b"CONNECT":
            await ConnectProxy().tunnel(peer, place, words[1])

    async def _say(self, peer: Peer, reply: bytes) -> None:
        await peer.pieces(reply, self.piece or len(reply), 0.003 if self.piece else 0)

    def _reply(
        self, place: Place, wish: Wish, code: int, endpoint: Endpoint | None = None
    ) -> bytes:
        """A reply; its bound address is the exit where 4 is spoken, too, else zeros."""
        if wish.version == 4:  # noqa: PLR2004
            granted = _GRANTED_4 if code == _GRANTED else _REJECTED_4
            port, ip = (endpoint.port, endpoint.ip) if endpoint else (0, 0)
            return struct.pack(">BBHI", 0, granted, port, ip)
        if self.named and code == _GRANTED:
            name = place.machine.name.encode()
            return b"\x05\x00\x00\x03%b%b%b" % (bytes([len(name)]), name, b"\x10\x92")
        bound = place.door.exit_ip if code == _GRANTED and self.four else 0
        return struct.pack(">BBBBIH", 5, code, 0, 1, bound, 0)
