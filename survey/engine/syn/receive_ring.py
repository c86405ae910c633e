"""The ring into which the kernel puts answers; they are taken out many at a time, as columns."""

import struct
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from survey.engine.syn.answers import WIDTH as BODY
from survey.engine.syn.filter import answers_to, attach
from survey.engine.syn.frames import Buffer
from survey.engine.syn.packet_socket import (
    FREE,
    IGNORE_OUTGOING,
    RX_RING,
    SOL_PACKET,
    STATISTICS,
    map_ring,
    open_socket,
)

FRAMES = 1 << 16
"""Answers that may wait: a fifth of a second of them if every SYN at full speed is answered."""

WIDTH = 256
_NETWORK = 80
"""Where a packet's IP header is: behind TPACKET2_HDRLEN and the Ethernet header, aligned."""

_ETHERNET = 14
_IPV4 = 0x0800


class ReceiveRing:
    """Receives answers to our source ports on one interface.

    Raises:
        LocalError: This process may not, or the interface is not in order.
    """

    def __init__(self, interface: str, ports: tuple[int, int]) -> None:
        self._sock = open_socket(interface)
        try:
            attach(self._sock, answers_to(*ports))
            self._sock.setsockopt(SOL_PACKET, IGNORE_OUTGOING, 1)
            self._memory = map_ring(self._sock, RX_RING, FRAMES, WIDTH)
            self._sock.bind((interface, _IPV4))  # from here on it hears
        except BaseException:
            self._sock.close()
            raise
        rows = np.frombuffer(self._memory, dtype=np.uint8).reshape(FRAMES, WIDTH)
        words = rows.view(np.uint32)
        self._status, self._captured = words[:, 0], words[:, 2]
        self._bodies = rows[:, _NETWORK : _NETWORK + BODY]
        self._head = 0
        self._dropped = 0

    def holds(self, count: int) -> bool:
        """Whether at least ``count`` answers wait."""
        return bool(self._status[(self._head + count - 1) % FRAMES] != FREE)

    def look(self, most: int) -> tuple[Buffer, NDArray[np.uint32]]:
        """At most ``most`` packets from their IP header on, oldest first, and how long they are.

        They are still the ring's own; ``free`` gives them back.
        """
        stop = min(self._head + most, FRAMES)
        here = self._status[self._head : stop] != FREE
        count = len(here) if here.all() else int(here.argmin())
        at = slice(self._head, self._head + count)
        lengths = np.minimum(self._captured[at] - np.uint32(_ETHERNET), np.uint32(BODY))
        return self._bodies[at], lengths

    def free(self, count: int) -> None:
        """Give the oldest back to the kernel: they have been read."""
        self._status[self._head : self._head + count] = FREE
        self._head = (self._head + count) % FRAMES

    def dropped(self) -> int:
        """Answers so far for which the ring had no room."""
        _, lost = struct.unpack("II", self._sock.getsockopt(SOL_PACKET, STATISTICS, 8))
        self._dropped += lost  # the kernel counts anew after each question
        return self._dropped

    def close(self) -> None:
        """Give the ring back."""
        self._sock.close()
        del self._status, self._captured, self._bodies
        with suppress(BufferError):  # then it goes with the last look at it
            self._memory.close()
