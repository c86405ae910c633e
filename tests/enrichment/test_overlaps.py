"""Overlapping ranges against a count address by address."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from survey.enrichment.lines import Row
from survey.enrichment.overlaps import Line, distinct, flattened, laid_under
from survey.enrichment.source_file import SourceFile
from survey.errors import ConfigError

FILE = SourceFile(Path("made"), b"", b"")
PREFIXES = st.lists(
    st.tuples(st.integers(0, 6), st.integers(0, 63), st.sampled_from("abc")), max_size=20
)
RANGES = st.lists(
    st.tuples(st.integers(0, 60), st.integers(1, 20), st.sampled_from("abc")), max_size=12
)


def line(number: int, start: int, end: int, name: str) -> Line:
    """A made line."""
    return Line(Row(start, end, (name,)), FILE, number)


def said(rows: list[Row]) -> dict[int, str]:
    """What is said of each address; of none twice."""
    found: dict[int, str] = {}
    for row in rows:
        for at in range(row.start, row.end + 1):
            assert at not in found
            found[at] = str(row.rest[0])
    return found


@given(PREFIXES)
def test_smallest_prefix_that_holds_an_address_counts(made: list[tuple[int, int, str]]) -> None:
    """For every address, whatever is nested in what."""
    chosen: dict[tuple[int, int], str] = {}
    for bits, place, name in made:
        chosen[(place >> bits) << bits, bits] = name
    lines = [
        line(number, start, start + (1 << bits) - 1, name)
        for number, ((start, bits), name) in enumerate(chosen.items())
    ]
    expected: dict[int, str] = {}
    for (start, bits), name in sorted(chosen.items(), key=lambda item: -item[0][1]):
        expected |= dict.fromkeys(range(start, start + (1 << bits)), name)

    rows = flattened(lines)
    assert said(rows) == expected
    assert rows == sorted(rows)


@given(RANGES, RANGES)
def test_lower_ranges_fill_what_upper_ones_leave(
    upper: list[tuple[int, int, str]], lower: list[tuple[int, int, str]]
) -> None:
    """Every address that anybody speaks of is spoken of once, by an upper line if there is one."""
    over: list[Line] = []
    for start, size, name in sorted(upper):
        if not over or start > over[-1].row.end:
            over.append(line(1, start, start + size - 1, name))
    under = [line(2, start, start + size - 1, name.upper()) for start, size, name in lower]

    rows = laid_under(over, under)
    found = said(rows)
    above = said([one.row for one in over])
    every = {at for one in under for at in range(one.row.start, one.row.end + 1)} | above.keys()
    assert found.keys() == every
    assert {at: name for at, name in found.items() if at in above} == above
    assert rows == sorted(rows)


def test_ranges_that_cross_are_refused() -> None:
    """No prefix crosses another; a file in which one does is broken."""
    with pytest.raises(ConfigError, match="line 2: overlaps line 1 at"):
        flattened([line(1, 0, 9, "a"), line(2, 5, 14, "a")])
    with pytest.raises(ConfigError, match="line 2: overlaps line 1 at"):
        distinct([line(1, 0, 9, "a"), line(2, 5, 14, "a")])
