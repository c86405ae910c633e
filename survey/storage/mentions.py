"""Where the words of strangers, or of ours, name an address: in every form that people write.

Forms: ``192.0.2.7``, also with ``-`` or ``_`` and backwards, as in names of hosts and zones;
``::ffff:c000:207``; ``c0000207``; ``3221225991``; and our own tokens, which carry the address that
they were made for.  What names an erased address becomes asterisks, and keeps its length.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import takewhile
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

_ANY = (
    r"[0-9]{1,3}[._-][0-9]{1,3}[._-][0-9]{1,3}[._-][0-9]{1,3}|[0-9A-Fa-f]{8}|[0-9]{7}"
    rf"|[A-Za-z2-7]{{{TOKEN_CHARS}}}|::ffff:"
)
_MOST_BLOCKS = 64
_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"

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
    if not _compiled(_key(addresses)).search(text):
        return False
    return next(_spans(text, addresses), None) is not None


def without_names(text: bytes, addresses: Addresses) -> bytes:
    """The text with asterisks where it named one of the addresses; of the same length."""
    if not _compiled(_key(addresses)).search(text):
        return text
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


def maybe_named(column: pa.ChunkedArray, addresses: Addresses) -> NDArray[np.bool_]:
    """Which values of a column of text or bytes are worth a look."""
    found = pc.match_substring_regex(column, _worth_a_look(_key(addresses)))
    return np.asarray(pc.fill_null(found, fill_value=False).to_numpy(), dtype=bool)


def _key(addresses: Addresses) -> tuple[bytes, bytes]:
    return addresses.starts.tobytes(), addresses.ends.tobytes()


@lru_cache(maxsize=8)
def _compiled(key: tuple[bytes, bytes]) -> "re.Pattern[bytes]":
    return re.compile(_worth_a_look(key).encode("ascii"))


@lru_cache(maxsize=8)
def _worth_a_look(key: tuple[bytes, bytes]) -> str:
    """What matches whatever names one of the addresses, and little else (RE2 and Python).

    A look at every number and token of every reply takes a hundred times as long.
    """
    starts, ends = (np.frombuffer(some, np.uint32).tolist() for some in key)
    blocks: set[int] = set()
    for start, end in zip(starts, ends, strict=True):
        if (end >> 8) - (start >> 8) >= _MOST_BLOCKS:
            return _ANY
        blocks.update(range(start >> 8, (end >> 8) + 1))
    if not blocks or len(blocks) > _MOST_BLOCKS:
        return _ANY
    return "|".join(form for block in sorted(blocks) for form in _forms_of(block))


def _forms_of(block: int) -> Iterator[str]:
    """How the beginning of every address of a /24 may be written."""
    first, second, third = block >> 16, block >> 8 & 255, block & 255
    quads = [f"0{{0,2}}{octet}" for octet in (first, second, third)]
    yield "[._-]".join([*quads, "[0-9]"])
    yield "[._-]".join(["[0-9]", *reversed(quads)])
    yield f"(?i:{block:06x})"
    yield f"(?i::0{{0,3}}{block >> 8:x}:0{{0,3}}{f'{third:x}' if third else ''}[0-9a-f]{{1,2}})"
    lowest, highest = str(block << 8), str((block << 8) + 255)
    alike = takewhile(lambda pair: pair[0] == pair[1], zip(lowest, highest, strict=False))
    yield "".join(digit for digit, _ in alike) if len(lowest) == len(highest) else "[0-9]{7}"
    letters = "".join(_LETTERS[block >> at & 31] for at in (15, 10, 5, 0))
    yield f"[A-Za-z2-7]{{12}}(?i:{letters})"


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
