"""What is kept of a conversation: its first bytes each way, all bytes counted, and its caps."""

import socket
import struct

from survey.model.observation import MAX_EVIDENCE
from survey.probes.allowance import Allowance

MAX_BYTES = 96 * 1024
"""Bytes that one conversation takes from a peer; an honest one brings a few kB."""

_SEGMENT = 1400  # bytes in one packet
_FREE_PIECES = 4  # an honest proxy answers in so many; they can't cost more than was paid
# struct tcp_info in linux/tcp.h; counts every segment, also retransmits and bare acknowledgements.
_TCP_INFO_SEGS_OUT = struct.Struct("=136xI")


class Evidence:
    """Grows with a conversation; bounded whatever the peer does.

    A peer that sends its bytes one by one makes our kernel acknowledge them one by one.  So what
    it makes us send is counted against an allowance (law 5).

    Attributes:
        received: First bytes from the peer, at most MAX_EVIDENCE.
        sent: First bytes we sent, at most MAX_EVIDENCE.
        bytes_in: All bytes from the peer.
        bytes_out: All bytes we sent.
        source: Local address of the socket, or None without one.
    """

    __slots__ = (
        "_allowance",
        "_pieces",
        "_sock",
        "bytes_in",
        "bytes_out",
        "received",
        "sent",
        "source",
    )

    def __init__(
        self, sock: socket.socket | None = None, allowance: Allowance | None = None
    ) -> None:
        """Of the conversation over this socket, which may cost so many packets."""
        self._sock = sock
        self._allowance = allowance
        self._pieces = 0
        self.source = None if sock is None else _source(sock)
        self.received = b""
        self.sent = b""
        self.bytes_in = 0
        self.bytes_out = 0

    def hear(self, data: bytes, size: int | None = None) -> bool:
        """Note what came; False if that, or what it made us send, is more than is allowed.

        Args:
            data: What the peer said.
            size: Bytes that it took on the wire, if not as many as it said.
        """
        if len(self.received) < MAX_EVIDENCE:
            self.received = (self.received + data)[:MAX_EVIDENCE]
        self.bytes_in += len(data) if size is None else size
        self._pieces += 1
        if self._allowance is not None:
            self._allowance.leave(1)  # an acknowledgement, unless that rides on our next word
        return self.bytes_in <= MAX_BYTES and (self._pieces <= _FREE_PIECES or self._affordable())

    def say(self, data: bytes, size: int | None = None) -> None:
        """Note what was said, and the bytes that it took on the wire, if not as many."""
        if len(self.sent) < MAX_EVIDENCE:
            self.sent = (self.sent + data)[:MAX_EVIDENCE]
        size = len(data) if size is None else size
        self.bytes_out += size
        if self._allowance is not None and size:
            self._allowance.leave(-(-size // _SEGMENT))

    def _affordable(self) -> bool:
        """Whether a peer that answers in many pieces has not made us send too much."""
        if self._sock is None or self._allowance is None:
            return True
        # The kernel forgets that it was to save acknowledgements; one for two pieces then.
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)
        return self._allowance.covers(packets_sent(self._sock))


def _source(sock: socket.socket) -> int:
    """Local address of a socket whose connect has been begun, as a number."""
    return int.from_bytes(socket.inet_aton(sock.getsockname()[0]), "big")


def packets_sent(sock: socket.socket) -> int:
    """Packets that a TCP socket has sent so far, all of them."""
    info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_SEGS_OUT.size)
    sent: int = _TCP_INFO_SEGS_OUT.unpack(info)[0]
    return sent
