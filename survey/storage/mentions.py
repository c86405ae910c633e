"""Where the words of strangers, or of ours, name an address: in every form that people write.

Forms: ``192.0.2.7``, also with ``-`` or ``_`` and backwards, as in names of hosts and zones;
``::ffff:c000:207``; ``c0000207``; ``3221225991``; and our own tokens, which carry the address that
they were made for.  What names an erased address becomes asterisks, and keeps its length.
"""

import re
from collections.abc import Iterator
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from survey.protocols.token import TOKEN_CHARS, address_in

# of 1.192.0.2.7 both fours are looked at
_QUADS = rb"(?<![0-9])(?=(([0-9]{1,3})([._-])([0-9]{1,3})\3([0-9]{1,3})\3([0-9]{1,3}))(?![0-9]))"
_MAPPED = rb"(::ffff:([0-9A-Fa-f]{1,4}):([0-9A-Fa-f]{1,4}))(?![0-9A-Fa-f])"
_HEX = rb"(?<![0-9A-Za-z])(?:0[xX])?([0-9A-Fa-f]{8})(?![0-9A-Za-z])"
_DECIMAL = rb"(?<![0-9A-Za-z.])([1-9][0-9]{6,9})(?![0-9A-Za-z])"
_TOKEN = rb"(?<![A-Za-z0-9])([A-Za-z2-7]{%d})(?![A-Za-z0-9])" % TOKEN_CHARS
_FORMS = tuple(map(re.compile, (_QUADS, _MAPPED, _HEX, _DECIMAL, _TOKEN)))

MAYBE = (
    r"[0-9]{1,3}[._-][0-9]{1,3}[._-][0-9]{1,3}[._-][0-9]{1,3}|[0-9A-Fa-f]{8}|[0-9]{7}"
    rf"|[A-Za-z2-7]{{{TOKEN_CHARS}}}|::ffff:"
)
"""RE2: nothing that does not match this names an address."""

_MAX_OCTET = 255
_MAX_IP = 2**32 - 1


class Addresses(Protocol):
    """Some addresses, as sorted, disjoint ranges."""

    starts: NDArray[np.uint32]
    ends: NDArray[np.uint32]

    def __contains__(self, ip: int) -> bool:
        """Whether it is one of them."""

    def contains(self, ips: NDArray[np.uint32]) -> NDArray[np.bool_]:
        """For each, whether it is one of them."""


def names_any(text: bytes, addresses: Addresses) -> bool:
    """Whether the text names one of the addresses."""
    return next(_spans(text, addresses), None) is not None


def without_names(text: bytes, addresses: Addresses) -> bytes:
    """The text with asterisks where it named one of the addresses; of the same length."""
    found = bytearray(text)
    for start, end in _spans(text, addresses):
        found[start:end] = b"*" * (end - start)
    return bytes(found)


def without_packed(data: bytes, addresses: Addresses) -> bytes:
    """The bytes with asterisks for four that are one of the addresses, as SOCKS writes them."""
    if len(data) < 4:  # noqa: PLR2004 - bytes of an address
        return data
    windows = np.lib.stride_tricks.sliding_window_view(np.frombuffer(data, np.uint8), 4)
    numbers = np.ascontiguousarray(windows).view(">u4")[:, 0].astype(np.uint32)
    found = bytearray(data)
    for at in np.flatnonzero(addresses.contains(numbers)).tolist():
        found[at : at + 4] = b"****"
    return bytes(found)


def maybe_named(column: pa.ChunkedArray) -> NDArray[np.bool_]:
    """Which values of a column of text or bytes are worth a look."""
    found = pc.match_substring_regex(column, MAYBE)
    return np.asarray(pc.fill_null(found, fill_value=False).to_numpy(), dtype=bool)


def _spans(text: bytes, addresses: Addresses) -> Iterator[tuple[int, int]]:
    for form in _FORMS:
        for match in form.finditer(text):
            if any(ip in addresses for ip in _meant(form, match)):
                yield match.span(1)


def _meant(form: "re.Pattern[bytes]", match: "re.Match[bytes]") -> Iterator[int]:
    """The numbers that a piece of text may stand for."""
    if form.pattern == _QUADS:
        octets = [int(match[at]) for at in (2, 4, 5, 6)]
        if max(octets) <= _MAX_OCTET:
            yield int.from_bytes(bytes(octets))
            yield int.from_bytes(bytes(reversed(octets)))
    elif form.pattern == _MAPPED:
        yield int(match[2], 16) << 16 | int(match[3], 16)
    elif form.pattern == _HEX:
        yield int(match[1], 16)
    elif form.pattern == _DECIMAL:
        if int(match[1]) <= _MAX_IP:
            yield int(match[1])
    else:
        yield address_in(match[1].decode("ascii"))
