r"""Does a SOCKS proxy open a tunnel for a stranger?  SOCKS4, 4a and 5 (RFC 1928).

Nothing is said before the answer to what was said last: a proxy that reads once swallows what is
pipelined and hangs (microsocks does).  Replies are taken exactly, so that the canary's greeting,
which may be glued to them, is not lost; a refusal is believed after its second byte, since some
proxies send no more of it.
"""

from collections.abc import Generator

from survey.model.address import format_ip
from survey.model.failure import Failure
from survey.model.observation import MAX_EVIDENCE, Protocol, Step
from survey.model.plan import Endpoint
from survey.protocols.dialogue import Answer, Dialogue, Heard, Inbox
from survey.protocols.recognise import unexpected
from survey.protocols.tunnel import Tunnel

SOCKS4_GRANTED = 0x5A
SOCKS4_REFUSALS = frozenset({0x5B, 0x5C, 0x5D})
"""5C and 5D ask for an identd that we don't run: a refusal, but not of every stranger."""
_SOCKS4_REPLY = 8

SOCKS5_GREETING = b"\x05\x01\x00"
"""Version 5, one method: no authentication.  No other is ever offered, so none can be asked for."""
SOCKS5_NO_AUTH = 0x00
SOCKS5_REFUSALS = frozenset({0x02, 0xFF})
"""A password demanded though none was offered, or no acceptable method: no strangers served.
GSSAPI (01) demanded like that would be one too, but is what an echo of our greeting looks like."""
SOCKS5_GRANTED = 0x00
_VERSION_AND_CODE = 2
_SOCKS5_HEAD = 4
_PORT = 2
_IPV4, _NAME, _IPV6 = 0x01, 0x03, 0x04
_ADDRESS_BYTES = {_IPV4: 4, _IPV6: 16}


def socks4_request(to: Endpoint) -> bytes:
    """A SOCKS4 CONNECT with an empty user id: it would be a credential, and we have none."""
    return b"\x04\x01" + to.port.to_bytes(2, "big") + to.ip.to_bytes(4, "big") + b"\x00"


def socks4a_request(to: Endpoint) -> bytes:
    """A SOCKS4a CONNECT whose host name is our canary's address as text, so that no DNS happens."""
    name = format_ip(to.ip).encode("ascii")
    return b"\x04\x01" + to.port.to_bytes(2, "big") + b"\x00\x00\x00\x01\x00" + name + b"\x00"


def socks5_request(to: Endpoint) -> bytes:
    """A SOCKS5 CONNECT to an IPv4 address."""
    return b"\x05\x01\x00\x01" + to.ip.to_bytes(4, "big") + to.port.to_bytes(2, "big")


def socks4(request: bytes, token: str) -> Dialogue:
    """Ask for a tunnel in SOCKS4 or 4a and, if it is granted, talk with our canary.

    Reply: a zero, a code, six bytes without meaning for CONNECT.
    """
    inbox = Inbox()
    if not (yield from _starts(inbox, 0x00, request)):
        return (yield from unexpected(inbox, Protocol.SOCKS4))
    code = inbox.data[1]
    if code in SOCKS4_REFUSALS:
        return _refused(Protocol.SOCKS4, "CONNECT", code, inbox.data)
    if code != SOCKS4_GRANTED:
        return (yield from unexpected(inbox, Protocol.SOCKS4))
    if not (yield from inbox.until(_SOCKS4_REPLY)):
        return _cut(Protocol.SOCKS4, code, inbox)
    return (yield from _through(Protocol.SOCKS4, code, inbox, _SOCKS4_REPLY, token))


def socks5(to: Endpoint, token: str) -> Dialogue:
    """Offer no authentication, ask for a tunnel and, if it is granted, talk with our canary."""
    inbox = Inbox()
    if not (yield from _starts(inbox, 0x05, SOCKS5_GREETING)):
        return (yield from unexpected(inbox, Protocol.SOCKS5))
    method = inbox.data[1]
    if method in SOCKS5_REFUSALS:
        return _refused(Protocol.SOCKS5, "METHOD", method, inbox.data)
    if method != SOCKS5_NO_AUTH:
        return (yield from unexpected(inbox, Protocol.SOCKS5))
    return (yield from _socks5_connect(inbox, to, token))


def _socks5_connect(inbox: Inbox, to: Endpoint, token: str) -> Dialogue:
    """After a method was chosen: the request and what follows."""
    inbox.take(_VERSION_AND_CODE)
    if not (yield from _starts(inbox, 0x05, socks5_request(to))):
        return _cut(Protocol.SOCKS5, SOCKS5_NO_AUTH, inbox, wrong=inbox.data[:1] not in b"\x05")
    code = inbox.data[1]
    if code != SOCKS5_GRANTED:
        return _refused(Protocol.SOCKS5, "CONNECT", code, inbox.data)
    size = yield from _socks5_reply_size(inbox)
    if not size or (len(inbox.data) < size and not (yield from inbox.until(size))):
        return _cut(Protocol.SOCKS5, code, inbox, wrong=size == 0)
    return (yield from _through(Protocol.SOCKS5, code, inbox, size, token))


def grant_in(protocol: Protocol, heard: bytes) -> bytes:
    """The grant at the beginning of all that came; behind it the far end speaks."""
    if protocol is Protocol.SOCKS4:
        return heard[:_SOCKS4_REPLY]
    reply = heard[_VERSION_AND_CODE:]
    if reply[3:4] == bytes([_NAME]):
        return reply[: _SOCKS5_HEAD + 1 + sum(reply[_SOCKS5_HEAD : _SOCKS5_HEAD + 1]) + _PORT]
    return reply[: _SOCKS5_HEAD + _ADDRESS_BYTES.get(sum(reply[3:4]), 0) + _PORT]


def _starts(inbox: Inbox, version: int, say: bytes) -> Generator[bytes, Heard, bool]:
    """Say something and wait for a version byte and a code; False if they don't come."""
    if not (yield from inbox.until(1, say)) or inbox.data[0] != version:
        return False
    return len(inbox.data) >= _VERSION_AND_CODE or (yield from inbox.until(_VERSION_AND_CODE))


def _socks5_reply_size(inbox: Inbox) -> Generator[bytes, Heard, int | None]:
    """Bytes of a reply with its bound address, whose type need not be the one that was asked for.

    0 if its type is none of RFC 1928 s5, None if the reply ends before that is known.
    """
    if len(inbox.data) < _SOCKS5_HEAD and not (yield from inbox.until(_SOCKS5_HEAD)):
        return None
    kind = inbox.data[3]
    if kind != _NAME:
        return _SOCKS5_HEAD + _ADDRESS_BYTES[kind] + _PORT if kind in _ADDRESS_BYTES else 0
    if not (yield from inbox.until(_SOCKS5_HEAD + 1)):
        return None
    return _SOCKS5_HEAD + 1 + inbox.data[_SOCKS5_HEAD] + _PORT


def _refused(protocol: Protocol, at: str, code: int, reply: bytes) -> Answer:
    return Answer(
        Step.SPOKE, protocol=protocol, refused_at=at, code=code, reply=reply[:MAX_EVIDENCE]
    )


def _cut(protocol: Protocol, code: int, inbox: Inbox, *, wrong: bool = False) -> Answer:
    """A reply that ended too early, or (``wrong``) went on as none of the protocol can."""
    failure = Failure.GARBAGE if wrong else inbox.ended
    return Answer(Step.SPOKE, failure, protocol, code=code, reply=inbox.data[:MAX_EVIDENCE])


def _through(
    protocol: Protocol, code: int, inbox: Inbox, size: int, token: str
) -> Generator[bytes, Heard, Answer]:
    """Take the grant off the inbox and talk with the canary."""
    reply = inbox.take(size)
    tunnel = Tunnel()
    yield from tunnel.talk(inbox, token)
    return Answer(
        tunnel.step,
        tunnel.failure,
        protocol,
        code=code,
        reply=reply,
        nonce=tunnel.nonce,
        farewell=tunnel.farewell,
    )
