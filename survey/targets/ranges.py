"""Sets of IPv4 addresses as sorted, disjoint ranges; the only place that does their algebra."""

import ipaddress
from bisect import bisect_right
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from survey.errors import ConfigError
from survey.model.address import MAX_IP, Range, format_ip

Ips = NDArray[np.uint32]
Positions = NDArray[np.uint64]

_BUCKET_BITS = 16


class RangeSet:
    """An immutable set of addresses; its members have positions 0 .. size-1 in rising order.

    Attributes:
        starts: First address of every range, rising.
        ends: Last address of every range; the next range starts at least 2 later.
        size: How many addresses.
    """

    __slots__ = ("_before", "_guess", "_shift", "_starts_view", "ends", "size", "starts")

    def __init__(self, starts: NDArray[np.int64], ends: NDArray[np.int64]) -> None:
        """Any ranges, in any order, overlapping or not; ``of`` is the usual way in."""
        assert len(starts) == len(ends)
        order = np.argsort(starts, kind="stable")
        starts, reach = starts[order], np.maximum.accumulate(ends[order])
        first = np.ones(len(starts), dtype=bool)
        first[1:] = starts[1:] > reach[:-1] + 1
        last = np.roll(first, -1)
        self.starts: Ips = starts[first].astype(np.uint32)
        self.ends: Ips = reach[last].astype(np.uint32)
        lengths = self.ends.astype(np.uint64) - self.starts + np.uint64(1)
        # _before[k] is how many members lie below range k; one more at the end for the size
        self._before = np.concatenate((np.zeros(1, np.uint64), np.cumsum(lengths, dtype=np.uint64)))
        self.size = int(self._before[-1])
        self._starts_view = self.starts.data
        self._shift = max(0, self.size.bit_length() - _BUCKET_BITS)
        self._guess: NDArray[np.int64] | None = None

    @classmethod
    def of(cls, ranges: Iterable[Range]) -> "RangeSet":
        """The union of some ranges."""
        pairs = [(part.start, part.end) for part in ranges]
        table = np.array(pairs, dtype=np.int64).reshape(-1, 2)
        return cls(table[:, 0], table[:, 1])

    @property
    def ranges(self) -> tuple[Range, ...]:
        """The ranges, sorted, none touching the next."""
        return tuple(map(Range, self.starts.tolist(), self.ends.tolist()))

    def __len__(self) -> int:
        return self.size

    def __contains__(self, ip: int) -> bool:
        at = bisect_right(self._starts_view, ip) - 1
        return at >= 0 and ip <= int(self.ends[at])

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, RangeSet):
            return NotImplemented
        return np.array_equal(self.starts, other.starts) and np.array_equal(self.ends, other.ends)

    def __hash__(self) -> int:
        return hash((self.starts.tobytes(), self.ends.tobytes()))

    def __repr__(self) -> str:
        return f"RangeSet({len(self.starts)} ranges, {self.size} addresses)"

    def __or__(self, other: "RangeSet") -> "RangeSet":
        return RangeSet(
            np.concatenate((self.starts, other.starts)).astype(np.int64),
            np.concatenate((self.ends, other.ends)).astype(np.int64),
        )

    def __invert__(self) -> "RangeSet":
        edges = np.array([-1, MAX_IP + 1], dtype=np.int64)
        starts = np.concatenate((edges[:1], self.ends.astype(np.int64))) + 1
        ends = np.concatenate((self.starts.astype(np.int64), edges[1:])) - 1
        real = starts <= ends
        return RangeSet(starts[real], ends[real])

    def __and__(self, other: "RangeSet") -> "RangeSet":
        return ~(~self | ~other)

    def __sub__(self, other: "RangeSet") -> "RangeSet":
        return ~(~self | other)

    def contains(self, ips: Ips) -> NDArray[np.bool_]:
        """For each address, whether it is a member."""
        if not self.size:
            return np.zeros(len(ips), dtype=bool)
        at = np.searchsorted(self.starts, ips, side="right") - 1
        return (at >= 0) & (ips <= self.ends[at])

    def position_of(self, ips: Ips) -> NDArray[np.int64]:
        """For each address, its position 0 .. size-1, or -1 if it is no member."""
        positions = np.full(len(ips), -1, dtype=np.int64)
        if self.size:
            at = np.searchsorted(self.starts, ips, side="right") - 1
            member = (at >= 0) & (ips <= self.ends[at])
            at, ips = at[member], ips[member]
            positions[member] = (self._before[at] + (ips - self.starts[at])).astype(np.int64)
        return positions

    def ip_at(self, positions: Positions) -> Ips:
        """For each position 0 .. size-1, its address."""
        if not len(positions):
            return np.zeros(0, dtype=np.uint32)
        assert int(positions.max()) < self.size, "a position beyond the set"
        bucket = (positions >> np.uint64(self._shift)).astype(np.intp)
        at = self._guesses()[bucket]
        # negative: the bucket spans several ranges, so search; rare unless ranges are tiny
        unsure = np.flatnonzero(at < 0)
        if len(unsure):
            at[unsure] = np.searchsorted(self._before, positions[unsure], side="right") - 1
        # modulo 2**32 on purpose: start - before may be "negative", their sum never is
        shift = self.starts - self._before[:-1].astype(np.uint32)
        return positions.astype(np.uint32) + shift[at]

    def _guesses(self) -> NDArray[np.int64]:
        """Range of each bucket of 2**shift positions, or -1 if it spans several.

        A look-up costs a tenth of a binary search; made on first use, at most 65,536 entries.
        """
        if self._guess is None:
            first = np.arange(((self.size - 1) >> self._shift) + 1, dtype=np.uint64)
            first <<= np.uint64(self._shift)
            last = np.minimum(first + np.uint64((1 << self._shift) - 1), np.uint64(self.size - 1))
            low = np.searchsorted(self._before, first, side="right") - 1
            high = np.searchsorted(self._before, last, side="right") - 1
            self._guess = np.where(low == high, low, -1)
        return self._guess


def parse_cidr(text: str) -> Range:
    """The range that ``192.0.2.0/24`` or ``192.0.2.7`` means.

    Raises:
        ValueError: It is neither; the text after ``;`` says what would be right.
    """
    address, slash, length = text.partition("/")
    try:
        start = int(ipaddress.IPv4Address(address))
    except ValueError:
        raise ValueError(
            f"{text!r} is no IPv4 range; write it like 192.0.2.0/24 or 192.0.2.7"
        ) from None
    if slash and not (length.isascii() and length.isdigit() and int(length) <= 32):  # noqa: PLR2004
        raise ValueError(f"{text!r} has no prefix length of 0 to 32; write it like 192.0.2.0/24")
    span = 1 << (32 - int(length)) if slash else 1
    if start % span:
        right = f"{format_ip(start - start % span)}/{length}"
        raise ValueError(f"{text!r} has bits set behind its prefix; write {right}")
    return Range(start, start + span - 1)


def read_range_file(path: Path) -> RangeSet:
    """The ranges of a text file, one CIDR a line; ``#`` starts a comment.

    Raises:
        ConfigError: The file can't be read, or one line can't; never skipped, since a line that
            is silently ignored in an exclusion list is a packet to somebody who said no.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise ConfigError(
            path, "", f"can't be read ({error.strerror})", "give an existing file"
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError(path, "", "is not UTF-8 text", "save it as UTF-8") from error
    ranges = []
    for number, line in enumerate(lines, start=1):
        text = line.partition("#")[0].strip()
        if text:
            try:
                ranges.append(parse_cidr(text))
            except ValueError as error:
                problem, _, cure = str(error).partition("; ")
                raise ConfigError(path, f"line {number}", problem, cure) from error
    return RangeSet.of(ranges)
