"""What came back, read as columns: SYN-ACKs, resets, and ICMP errors that quote a SYN of ours.

They mean here what they mean to Linux's own ``connect()``, so that both ways of discovery agree.
Nothing is believed yet: the cookie judges (``cookie.py``).
"""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from survey.engine.syn.cookie import Ports, Sender
from survey.engine.syn.filter import ICMP_PARAMETER, ICMP_TIME_EXCEEDED, ICMP_UNREACHABLE
from survey.engine.syn.frames import Buffer
from survey.targets.ranges import Ips

WIDTH = 64
"""Bytes kept of each packet from its IP header on; an ICMP error is read to its 56th."""

PLAIN = 0x45
"""First byte of an IPv4 header without options: version 4, five words."""

_HEADER = 20
_LEAST_TCP, _LEAST_ICMP = 40, 56
_TCP, _ICMP = 6, 1
_SYN, _RST, _ACK = 0x02, 0x04, 0x10
_PORT_UNREACHABLE, _TOO_BIG = 3, 4  # RFC 792: codes of "destination unreachable"


class Said(IntEnum):
    """What an answer says of its target."""

    NOTHING = 0
    OPEN = 1
    REFUSED = 2
    UNREACHABLE = 3


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """Answers, one in each row of every column.

    Attributes:
        said: What it says (``Said``).
        ips: The target that it is about.
        ports: Its port.
        heard: Our address, port and sequence number, as the answer gives them back.
    """

    said: NDArray[np.uint8]
    ips: Ips
    ports: Ports
    heard: Sender

    def __len__(self) -> int:
        return len(self.said)

    def only(self, rows: NDArray[np.bool_]) -> "Answers":
        """Those of these rows."""
        if rows.all():
            return self
        heard = Sender(self.heard.ips[rows], self.heard.ports[rows], self.heard.sequences[rows])
        return Answers(self.said[rows], self.ips[rows], self.ports[rows], heard)


def read_answers(packets: Buffer, lengths: NDArray[np.uint32]) -> Answers:
    """The answers among these packets; what is no answer is left out.

    Args:
        packets: ``WIDTH`` bytes of each from its IP header on.
        lengths: How many of them were there.
    """
    if (packets[:, 0] != PLAIN).any():
        packets, lengths = _without_options(packets, lengths)
    protocol = packets[:, 9]
    tcp = (protocol == _TCP) & (lengths >= _LEAST_TCP)
    if tcp.all():
        return _segments(packets)
    icmp = (protocol == _ICMP) & (lengths >= _LEAST_ICMP)
    return _both(_segments(packets[tcp]), _errors(packets[icmp]))


def _without_options(
    packets: Buffer, lengths: NDArray[np.uint32]
) -> tuple[Buffer, NDArray[np.uint32]]:
    """The same with what follows a longer IP header moved up; hardly ever needed."""
    packets, lengths = packets.copy(), lengths.copy()
    for row in np.flatnonzero(packets[:, 0] != PLAIN).tolist():
        options = 4 * int(packets[row, 0] & 15) - _HEADER
        if options < 0:
            lengths[row] = 0  # no header has so few words
            continue
        packets[row, _HEADER : WIDTH - options] = packets[row, _HEADER + options :].copy()
        lengths[row] = max(0, int(lengths[row]) - options)
    return packets, lengths


def _segments(packets: Buffer) -> Answers:
    """SYN-ACKs and resets with an acknowledgement; without one Linux ignores them too."""
    flags = packets[:, 33] & (_SYN | _RST | _ACK)
    said = np.zeros(len(packets), dtype=np.uint8)
    said[flags == _SYN | _ACK] = Said.OPEN
    said[flags & (_RST | _ACK) == _RST | _ACK] = Said.REFUSED
    acknowledged = _long(packets, 28)
    heard = Sender(_long(packets, 16), _short(packets, 22), acknowledged - np.uint32(1))
    answers = Answers(said, _long(packets, 12), _short(packets, 20), heard)
    return answers.only(said != Said.NOTHING)


def _errors(packets: Buffer) -> Answers:
    """ICMP errors that quote a TCP packet; its header is the one that we made."""
    packets = packets[(packets[:, 28] == PLAIN) & (packets[:, 37] == _TCP)]
    kind, code = packets[:, 20], packets[:, 21]
    said = np.full(len(packets), Said.UNREACHABLE, dtype=np.uint8)
    unreachable = kind == ICMP_UNREACHABLE
    said[unreachable & (code == _PORT_UNREACHABLE)] = Said.REFUSED  # how firewalls reject
    said[unreachable & (code == _TOO_BIG)] = Said.NOTHING
    said[~unreachable & (kind != ICMP_TIME_EXCEEDED) & (kind != ICMP_PARAMETER)] = Said.NOTHING
    heard = Sender(_long(packets, 40), _short(packets, 48), _long(packets, 52))
    errors = Answers(said, _long(packets, 44), _short(packets, 50), heard)
    return errors.only(said != Said.NOTHING)


def _both(one: Answers, other: Answers) -> Answers:
    def joined(name: str) -> NDArray[np.uint32]:
        return np.concatenate((getattr(one.heard, name), getattr(other.heard, name)))

    return Answers(
        np.concatenate((one.said, other.said)),
        np.concatenate((one.ips, other.ips)),
        np.concatenate((one.ports, other.ports)),
        Sender(joined("ips"), joined("ports").astype(np.uint16), joined("sequences")),
    )


def _long(packets: Buffer, at: int) -> NDArray[np.uint32]:
    return packets[:, at : at + 4].view(">u4")[:, 0].astype(np.uint32)


def _short(packets: Buffer, at: int) -> NDArray[np.uint16]:
    return packets[:, at : at + 2].view(">u2")[:, 0].astype(np.uint16)
