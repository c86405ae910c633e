"""The ring from which the kernel sends our SYNs: a thousand of them in one system call."""

import socket
import struct
from contextlib import suppress

import numpy as np

from survey.engine.syn.cookie import Ports, Sender
from survey.engine.syn.frames import LENGTH, SynFrames
from survey.engine.syn.link import Link
from survey.engine.syn.packet_socket import (
    FREE,
    SOL_PACKET,
    TX_RING,
    VNET_HEADER,
    map_ring,
    open_socket,
)
from survey.targets.ranges import Ips

FRAMES = 8192
WIDTH = 128
_PROMISE = 32
"""Where a frame's bytes begin: TPACKET2_HDRLEN less the address that is not used for sending."""

_WHOLE = struct.pack("<BBHHHH", 0, 0, LENGTH, 0, 0, 0)
"""A virtio_net_hdr whose only word is: headers are so long, i.e. all of it.

The kernel then copies the frame into its packet's own memory.  Without it, it would lend it 44 of
our 58 bytes as a page, which the receiver of a virtual link copies once more: 12% of the speed.
"""

_DATA = _PROMISE + len(_WHOLE)

_WANTED = 1
"""TP_STATUS_SEND_REQUEST: ours to send, not taken yet."""

PATIENCE = struct.pack("ll", 0, 50_000)
"""SO_SNDTIMEO: seconds and microseconds for which a card may keep us waiting."""


class SendRing:
    """Sends SYNs on a link.

    The queueing discipline is not bypassed: a limit that somebody put there holds for us too.

    Raises:
        LocalError: This process may not, or the interface is not in order.
    """

    def __init__(self, link: Link) -> None:
        self._sock = open_socket(link.interface)
        try:
            self._sock.setsockopt(SOL_PACKET, VNET_HEADER, 1)
            self._memory = map_ring(self._sock, TX_RING, FRAMES, WIDTH)
        except BaseException:
            self._sock.close()
            raise
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, PATIENCE)
        rows = np.frombuffer(self._memory, dtype=np.uint8).reshape(FRAMES, WIDTH)
        words = rows.view(np.uint32)
        words[:, 1] = len(_WHOLE) + LENGTH
        rows[:, _PROMISE:_DATA] = np.frombuffer(_WHOLE, dtype=np.uint8)
        self._status = words[:, 0]
        self._frames = SynFrames(rows[:, _DATA:], link.ours, link.gateway)
        self._head = 0

    @property
    def room(self) -> int:
        """SYNs that fit at most into one call of ``write``."""
        return FRAMES - self._head

    def write(self, ips: Ips, ports: Ports, sender: Sender) -> None:
        """Make SYNs to these targets, at most ``room``; nothing leaves yet."""
        at = slice(self._head, self._head + len(ips))
        assert at.stop <= FRAMES
        self._frames.write(at, ips, ports, sender)

    def send(self, count: int) -> tuple[int, int]:
        """Send the first ``count`` that were written.

        Returns:
            How many have left, from the first on, and the error that stopped it or 0.  What has not
            left never will, unless it is written again.
        """
        status = self._status[self._head : self._head + count]
        status[:] = _WANTED
        error = 0
        try:
            self._sock.send(b"")
        except OSError as failed:
            error = failed.errno or 0
        left = int(np.count_nonzero(status != _WANTED))
        status[left:] = FREE
        self._head = (self._head + left) % FRAMES
        return left, error

    def close(self) -> None:
        """Give the ring back."""
        self._sock.close()
        del self._status, self._frames
        with suppress(BufferError):  # then it goes with the last look at it
            self._memory.close()
