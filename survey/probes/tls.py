"""TLS over bytes that somebody else carries, without a look at certificates.

Whose certificate it is does not matter: what we prove, we prove by what arrives at our canary, and
many a mail server that is open to strangers has an old or made-up one.  So old versions and weak
keys are taken, too; nothing secret is ever said.
"""

import ssl
from functools import cache

_PIECE = 65536
_LEGACY_SERVER_CONNECT = 0x4  # ssl.OP_LEGACY_SERVER_CONNECT from Python 3.12 on


@cache
def client_context() -> ssl.SSLContext:
    """How we speak TLS to a tested server."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.options |= _LEGACY_SERVER_CONNECT | ssl.OP_NO_RENEGOTIATION
    return context


class Tls:
    """One side of one TLS connection.

    Attributes:
        established: Whether the handshake is done.
        ended: Whether the peer has said that it will say no more.
    """

    def __init__(self, context: ssl.SSLContext, *, server: bool = False) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._session = context.wrap_bio(self._incoming, self._outgoing, server_side=server)
        self.established = False
        self.ended = False

    def begin(self) -> None:
        """Start the handshake; a client has something to send then.

        Raises:
            ssl.SSLError: Its own settings are at odds.
        """
        self._shake_hands()

    def hear(self, data: bytes) -> bytes:
        """Bytes came from the peer: what it said by them.

        Raises:
            ssl.SSLError: They are no TLS, or there is no form of it that both speak; an alert to
                send may tell the peer.
        """
        self._incoming.write(data)
        if not self.established:
            self._shake_hands()
        said = bytearray()
        while self.established and not self.ended:
            try:
                piece = self._session.read(_PIECE)
            except ssl.SSLWantReadError:
                break
            except ssl.SSLZeroReturnError:
                piece = b""
            self.ended = not piece
            said += piece
        return bytes(said)

    def say(self, data: bytes) -> None:
        """Say something; it is then to be sent."""
        self._session.write(data)

    def to_send(self) -> bytes:
        """What is to be sent to the peer now; each byte comes once."""
        return self._outgoing.read()

    def _shake_hands(self) -> None:
        try:
            self._session.do_handshake()
        except ssl.SSLWantReadError:
            return
        self.established = True
