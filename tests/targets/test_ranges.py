"""Sets of ranges against Python's own sets, and the two readers of text."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from survey.errors import ConfigError
from survey.model.address import MAX_IP, Range, parse_ip
from survey.targets.ranges import RangeSet, parse_cidr, read_range_file

SPAN = 60
"""Algebra is tried on 0 .. SPAN; hypothesis finds touching, nested and equal ranges there."""

small_ranges = st.lists(
    st.tuples(st.integers(0, SPAN), st.integers(0, SPAN)).map(lambda ab: Range(min(ab), max(ab))),
    max_size=8,
)


def members(ranges: list[Range]) -> set[int]:
    """All addresses of some ranges."""
    return {ip for part in ranges for ip in range(part.start, part.end + 1)}


def listed(some: RangeSet) -> set[int]:
    """All addresses of a set, position by position."""
    ips = some.ip_at(np.arange(some.size, dtype=np.uint64)).tolist()
    assert ips == sorted(set(ips)), "rising, each once"
    return set(ips)


@given(small_ranges, small_ranges)
def test_algebra_is_that_of_sets(left: list[Range], right: list[Range]) -> None:
    """Union, intersection and difference hold exactly the addresses they should."""
    a, b = RangeSet.of(left), RangeSet.of(right)
    assert listed(a) == members(left)
    assert listed(a | b) == members(left) | members(right)
    assert listed(a & b) == members(left) & members(right)
    assert listed(a - b) == members(left) - members(right)
    assert len(a | b) == len(members(left) | members(right))


@given(small_ranges)
def test_ranges_are_sorted_and_never_touch(ranges: list[Range]) -> None:
    """The normal form is unique: equal sets have equal ranges and hashes."""
    some = RangeSet.of(ranges)
    parts = some.ranges
    assert all(one.end + 1 < next_.start for one, next_ in pairwise(parts))
    again = RangeSet.of(reversed(parts))
    assert again == some
    assert hash(again) == hash(some)


@given(small_ranges)
def test_membership_and_position_agree(ranges: list[Range]) -> None:
    """An address is in the set, scalar or vectorised, exactly if it has a position."""
    some, inside = RangeSet.of(ranges), members(ranges)
    ips = np.arange(SPAN + 5, dtype=np.uint32)
    positions = some.position_of(ips)
    assert some.contains(ips).tolist() == [ip in inside for ip in range(SPAN + 5)]
    assert [ip in some for ip in range(SPAN + 5)] == [ip in inside for ip in range(SPAN + 5)]
    assert (positions >= 0).tolist() == [ip in inside for ip in range(SPAN + 5)]
    found = positions[positions >= 0]
    assert some.ip_at(found.astype(np.uint64)).tolist() == sorted(inside)


def test_address_of_position_is_undone_among_many_ranges_of_all_sizes() -> None:
    """Positions survive the way to the address and back where buckets span many ranges."""
    random = np.random.default_rng(7)
    starts = np.cumsum(random.integers(2, 400_000, size=10_000))
    ranges = [
        Range(int(start), int(start + random.integers(1, max(2, gap))))
        for start, gap in zip(starts[:-1], np.diff(starts) - 1, strict=True)
    ]
    some = RangeSet.of(ranges)
    positions = random.integers(0, some.size, size=50_000).astype(np.uint64)
    edges = np.array([0, some.size - 1], dtype=np.uint64)
    positions = np.concatenate((edges, positions))
    assert some.position_of(some.ip_at(positions)).tolist() == positions.tolist()


def test_the_whole_space_is_a_set_like_any_other() -> None:
    """2**32 addresses: nothing wraps round at either end."""
    everything = RangeSet.of([Range(0, MAX_IP)])
    assert everything.size == 2**32
    edges = np.array([0, 1, 2**31, 2**32 - 1], dtype=np.uint64)
    assert everything.ip_at(edges).tolist() == edges.tolist()
    assert everything.position_of(edges.astype(np.uint32)).tolist() == edges.tolist()
    assert (everything - everything).size == 0
    assert ~RangeSet.of([]) == everything
    assert (~everything).ranges == ()


def test_the_empty_set_answers() -> None:
    """No ranges, no members, no error."""
    nothing = RangeSet.of([])
    assert nothing.size == 0
    assert 5 not in nothing
    assert nothing.contains(np.array([1, 2], dtype=np.uint32)).tolist() == [False, False]
    assert nothing.position_of(np.array([1], dtype=np.uint32)).tolist() == [-1]
    assert nothing.ip_at(np.zeros(0, dtype=np.uint64)).tolist() == []


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("192.0.2.0/24", "192.0.2.0", "192.0.2.255"),
        ("192.0.2.7", "192.0.2.7", "192.0.2.7"),
        ("192.0.2.7/32", "192.0.2.7", "192.0.2.7"),
        ("0.0.0.0/0", "0.0.0.0", "255.255.255.255"),
    ],
)
def test_cidr_is_read(text: str, start: str, end: str) -> None:
    """A CIDR or a single address becomes a range."""
    assert parse_cidr(text) == Range(parse_ip(start), parse_ip(end))


@pytest.mark.parametrize(
    ("text", "cure"),
    [
        ("192.0.2.5/24", "write 192.0.2.0/24"),
        ("192.0.2.0/33", "192.0.2.0/24"),
        ("192.0.2.0/", "192.0.2.0/24"),
        ("192.0.2.0/-1", "192.0.2.0/24"),
        ("192.0.2.0/255.255.255.0", "192.0.2.0/24"),
        ("192.0.2", "192.0.2.0/24"),
        ("192.0.2.01/32", "192.0.2.0/24"),
        ("2001:db8::/32", "192.0.2.0/24"),
        ("", "192.0.2.0/24"),
        ("192.0.2.0/24 ", "192.0.2.0/24"),
    ],
)
def test_bad_cidr_names_the_cure(text: str, cure: str) -> None:
    """A range that can't be read says how it should be written."""
    with pytest.raises(ValueError, match=r"; ") as caught:
        parse_cidr(text)
    assert cure in str(caught.value).partition("; ")[2]


def test_range_file_takes_comments_and_blanks(tmp_path: Path) -> None:
    """One CIDR a line; what follows # is for people."""
    path = tmp_path / "list.txt"
    path.write_text("# ours\n192.0.2.0/25\n\n192.0.2.128/25  # the rest\n", encoding="utf-8")
    assert read_range_file(path).ranges == (parse_cidr("192.0.2.0/24"),)


@pytest.mark.parametrize("line", ["192.0.2.0/24,", "example.org", "192.0.2.0/24 192.0.2.1", "-"])
def test_one_bad_line_refuses_the_whole_file(tmp_path: Path, line: str) -> None:
    """No line of a range file is ever skipped; file and line are named."""
    path = tmp_path / "list.txt"
    path.write_text(f"192.0.2.0/24\n{line}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="line 2") as caught:
        read_range_file(path)
    assert caught.value.source == str(path)


def test_range_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    """A missing file and a binary one are a person's mistake, named."""
    with pytest.raises(ConfigError, match="can't be read"):
        read_range_file(tmp_path / "missing.txt")
    path = tmp_path / "list.txt"
    path.write_bytes(b"\xff\xfe1\x00")
    with pytest.raises(ConfigError, match="UTF-8"):
        read_range_file(path)
