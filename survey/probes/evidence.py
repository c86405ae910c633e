"""What is kept of a conversation: its first bytes each way, all bytes counted, and its cap."""

from survey.model.observation import MAX_EVIDENCE

MAX_BYTES = 96 * 1024
"""Bytes that one conversation takes from a peer; the largest honest one needs 40 kB less."""


class Evidence:
    """Grows with a conversation; bounded whatever the peer does.

    Attributes:
        received: First bytes from the peer, at most MAX_EVIDENCE.
        sent: First bytes we sent, at most MAX_EVIDENCE.
        bytes_in: All bytes from the peer.
        bytes_out: All bytes we sent.
    """

    __slots__ = ("bytes_in", "bytes_out", "received", "sent")

    def __init__(self) -> None:
        self.received = b""
        self.sent = b""
        self.bytes_in = 0
        self.bytes_out = 0

    def hear(self, data: bytes) -> bool:
        """Note what came; False if that is more than a conversation takes."""
        if self.bytes_in < MAX_EVIDENCE:
            self.received = (self.received + data)[:MAX_EVIDENCE]
        self.bytes_in += len(data)
        return self.bytes_in <= MAX_BYTES

    def say(self, data: bytes) -> None:
        """Note what was sent."""
        if self.bytes_out < MAX_EVIDENCE:
            self.sent = (self.sent + data)[:MAX_EVIDENCE]
        self.bytes_out += len(data)
