"""Ranges as publishers write them become sorted, disjoint ones; or the file is refused.

An ASOF join looks at one range only, the last that starts at or before an address, so ranges of a
snapshot must not overlap.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from operator import itemgetter
from typing import NamedTuple

from survey.enrichment.lines import Row
from survey.enrichment.source_file import SourceFile
from survey.model.address import format_ip


class Line(NamedTuple):
    """A row and where it stood."""

    row: Row
    file: SourceFile
    number: int


def in_order(lines: Iterable[Line]) -> list[Line]:
    """By address; of two that start together the shorter one first, then by place."""
    return sorted(lines, key=lambda line: (line.row.start, line.row.end, line.number))


def distinct(lines: Sequence[Line]) -> list[Line]:
    """Lines in order, none of which overlaps another; what is said twice counts once.

    Raises:
        ConfigError: Two overlap and don't say the same of the same range.
    """
    kept: list[Line] = []
    for line in in_order(lines):
        if kept and line.row.start <= kept[-1].row.end:
            if line.row != kept[-1].row:
                raise overlap(kept[-1], line)
        else:
            kept.append(line)
    return kept


def overlap(one: Line, other: Line) -> Exception:
    """The error that refuses two lines, at the later of them."""
    first, second = sorted((one, other), key=lambda line: (str(line.file.path), line.number))
    at = format_ip(max(one.row.start, other.row.start))
    name = f"line {first.number}"
    if first.file.path != second.file.path:
        name += f" of {first.file.path.name}"
    return second.file.wrong(second.number, f"overlaps {name} at {at}", "keep one of the two")


def flattened(lines: Sequence[Line]) -> list[Row]:
    """Nested ranges cut so that the smallest one that holds an address is the only one.

    Neighbours that say the same become one.

    Raises:
        ConfigError: Two lines say different things of the same range, or overlap without one
            lying in the other.
    """
    rows: list[Row] = []
    around: list[Line] = []  # ranges that hold the place where we are, the smallest last
    at = 0
    for line in sorted(lines, key=lambda line: (line.row.start, -line.row.end, line.number)):
        while around and around[-1].row.end < line.row.start:
            done = around.pop().row
            _add(rows, at, done.end, done.rest)
            at = done.end + 1
        if around:
            holder = around[-1]
            if line.row == holder.row:
                continue
            same = (line.row.start, line.row.end) == (holder.row.start, holder.row.end)
            if same or line.row.end > holder.row.end:
                raise overlap(holder, line)
            _add(rows, at, line.row.start - 1, holder.row.rest)
        at = line.row.start
        around.append(line)
    while around:
        done = around.pop().row
        _add(rows, at, done.end, done.rest)
        at = done.end + 1
    return rows


def joined(rows: Iterable[Row]) -> list[Row]:
    """Disjoint rows in order, neighbours that say the same made one."""
    merged: list[Row] = []
    for row in rows:
        _add(merged, row.start, row.end, row.rest)
    return merged


def laid_under(upper: Sequence[Line], lower: Iterable[Line]) -> list[Row]:
    """Disjoint lines in order, and the parts of others that they leave uncovered, in order.

    Of two lower lines that overlap, the one that starts first keeps what they share.
    """
    rows = [line.row for line in upper]
    parts: list[Row] = []
    reach = -1
    for line in in_order(lower):
        start = max(line.row.start, reach + 1)
        if start <= line.row.end:
            parts += _uncovered(rows, Row(start, line.row.end, line.row.rest))
            reach = line.row.end
    return sorted([*rows, *parts], key=itemgetter(0))


def _uncovered(rows: Sequence[Row], row: Row) -> list[Row]:
    """The parts of a row that no other covers; ``rows`` are disjoint and sorted."""
    parts = []
    at = row.start
    index = bisect_left(rows, row.start, key=itemgetter(0))
    if index and rows[index - 1].end >= at:
        at = rows[index - 1].end + 1
    while at <= row.end:
        following = rows[index] if index < len(rows) else None
        end = row.end if following is None else min(row.end, following.start - 1)
        if at <= end:
            parts.append(Row(at, end, row.rest))
        if following is None or following.start > row.end:
            break
        at = following.end + 1
        index += 1
    return parts


def _add(rows: list[Row], start: int, end: int, rest: tuple[object, ...]) -> None:
    if start > end:
        return
    if rows and rows[-1].end == start - 1 and rows[-1].rest == rest:
        rows[-1] = Row(rows[-1].start, end, rest)
    else:
        rows.append(Row(start, end, rest))
