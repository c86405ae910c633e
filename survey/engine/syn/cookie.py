"""Our own mark in every SYN, so that an answer proves itself and nothing has to be remembered.

The hash of (address, port) under a key of the shard says all that we may choose: the source port,
which of our addresses, and a mask of 32 bits.  The sequence number is the target's place in the
shard's books under that mask.  An answer has to give all of it back, so that it comes with its
place, and the place has to be that of its sender.  Who can't see our packets has to guess 32 bits
and the port; the cookie of another shard or of an attempt before this one is as wrong as any.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from survey.engine.syn.siphash import Words, siphash
from survey.targets.places import PlaceNumbers
from survey.targets.ranges import Ips

Ports = NDArray[np.uint16]
Numbers = NDArray[np.uint32]

_TARGET_BYTES = 6
_PORT_BITS = np.uint64(32)
_SOURCE_BITS = np.uint64(48)
_SIXTEEN = np.uint64(0xFFFF)


@dataclass(frozen=True, slots=True, eq=False)
class Sender:
    """What each SYN has for its sender.

    Attributes:
        ips: Our address.
        ports: Our port.
        sequences: Its sequence number.
    """

    ips: Ips
    ports: Ports
    sequences: Numbers


class Cookie:
    """The marks of one shard.

    Args:
        key: 16 secret bytes, never used again.
        sources: Our addresses.
        ports: Our first and last source port.
    """

    def __init__(self, key: bytes, sources: Sequence[int], ports: tuple[int, int]) -> None:
        first, last = ports
        assert sources
        assert 0 < first <= last < 2**16
        self._key = key
        self._sources = np.array(sources, dtype=np.uint32)
        self._first, self._count = np.uint16(first), np.uint64(last - first + 1)

    def marks(self, ips: Ips, ports: Ports) -> Words:
        """The mark of each target, 64 bits."""
        targets = ports.astype(np.uint64)
        targets <<= np.uint64(32)
        targets |= ips
        return siphash(self._key, targets, _TARGET_BYTES)

    def sender(self, marks: Words, places: PlaceNumbers) -> Sender:
        """What the SYN of each target has for its sender, by its mark and place."""
        ports = ((marks >> _PORT_BITS) & _SIXTEEN) * self._count >> np.uint64(16)
        sequences = marks.astype(np.uint32)
        sequences ^= places.astype(np.uint32)
        return Sender(self._source(marks), ports.astype(np.uint16) + self._first, sequences)

    def _source(self, marks: Words) -> Ips:
        if len(self._sources) == 1:
            return np.full(len(marks), self._sources[0], dtype=np.uint32)
        which = (marks >> _SOURCE_BITS) * np.uint64(len(self._sources)) >> np.uint64(16)
        sources: Ips = self._sources[which]
        return sources

    def places(self, ips: Ips, ports: Ports, heard: Sender) -> PlaceNumbers:
        """The place that each answer brings with it, or -1 if it came to the wrong end of ours.

        It is proven when it is the place of the address and port that answered.
        """
        marks = self.marks(ips, ports)
        sent = self.sender(marks, np.zeros(len(marks), dtype=np.int64))
        places = (sent.sequences ^ heard.sequences).astype(np.int64)
        places[(sent.ports != heard.ports) | (sent.ips != heard.ips)] = -1
        return places
