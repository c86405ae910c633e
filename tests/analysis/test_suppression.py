"""No cell that is left out of a published table can be worked out from what is shown."""

from itertools import product

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from survey.analysis.suppression import SMALL, publishable, suppressed
from survey.errors import ConfigError
from survey.model.exposure import By

COUNTS = st.lists(st.integers(0, 8), min_size=1, max_size=4)


def consistent(counts: list[int]) -> list[list[int]]:
    """All tables that whoever knows the rule must think possible, given what is shown."""
    out = suppressed(counts)
    places = sorted(out.cells)
    if not places:
        return [counts]
    left = sum(counts[at] for at in places)
    found = []
    for values in product(range(7 if out.total else left + 1), repeat=len(places) - 1):
        lasts = range(7) if out.total else (left - sum(values),)
        for last in lasts:
            other = list(counts)
            for at, value in zip(places, (*values, last), strict=True):
                other[at] = value
            if min(other) >= 0 and suppressed(other) == out:
                found.append(other)
    return found


@given(COUNTS)
def test_each_cell_left_out_may_have_had_several_values(counts: list[int]) -> None:
    """The rule is known, the rest and the total are shown: still nobody can tell."""
    possible = consistent(counts)

    for at in suppressed(counts).cells:
        assert len({table[at] for table in possible}) > 1


@given(COUNTS)
def test_no_small_cell_is_shown(counts: list[int]) -> None:
    """Nor a small total; a zero is shown only where nothing is left out."""
    out = suppressed(counts)

    for at, count in enumerate(counts):
        assert at in out.cells or count >= SMALL or not any(0 < one < SMALL for one in counts)
    assert out.total or not 0 < sum(counts) < SMALL


@pytest.mark.parametrize(
    ("counts", "cells", "total"),
    [
        ([9, 7, 0], set(), False),
        ([9, 7, 3], {2, 1}, False),  # alone, it would be the total less the rest
        ([9, 7, 7, 3], {3, 1, 2}, False),
        ([9, 3, 2, 0], {1, 2, 3}, False),
        ([9, 4, 4], {0, 1, 2}, False),  # the total would say that both are 4
        ([4, 4], {0, 1}, True),
        ([1, 2, 0], {0, 1, 2}, True),
    ],
)
def test_examples(counts: list[int], cells: set[int], total: bool) -> None:  # noqa: FBT001
    """By hand."""
    out = suppressed(counts)

    assert (set(out.cells), out.total) == (cells, total)


def table(counts: list[int]) -> pa.Table:
    """A run's exposure by country."""
    return pa.table(
        {
            "country": ["ES", "MX", "BR", None][: len(counts)],
            "open": counts,
            "closed": [90] * len(counts),
            "answering": [100] * len(counts),
            "addresses": [1000] * len(counts),
            "per_100k_answering": [count * 1000.0 for count in counts],
            "rank": list(range(1, len(counts) + 1)),
        }
    )


def test_published_rows_say_nothing_else_of_a_cell_left_out() -> None:
    """Its rates, its rank and its answering hosts go with it; other counts are in no row."""
    published = publishable(table([30, 20, 2, 1]), By.COUNTRY).to_pylist()

    assert published[2] == {
        "country": "BR",
        "total": False,
        "suppressed": True,
        "open": None,
        "answering": None,
        "addresses": 1000,
        "per_100k_answering": None,
        "rank": None,
    }
    assert [row["rank"] for row in published] == [1, 2, None, None, None]
    assert "closed" not in published[0]


def test_the_total_is_the_last_row() -> None:
    """It counts what is left out, too."""
    *_, total = publishable(table([30, 20, 2, 1]), By.COUNTRY).to_pylist()

    assert (total["total"], total["open"], total["answering"]) == (True, 53, 400)
    assert total["per_100k_answering"] is None


def test_the_order_of_rows_left_out_tells_nothing() -> None:
    """Else of two rows with one host together, the first would have it."""
    one, other = (
        [row["country"] for row in publishable(table(counts), By.COUNTRY).to_pylist()]
        for counts in ([30, 20, 2, 0], [30, 20, 0, 2])
    )
    assert one == other


def test_small_blocks_are_never_published() -> None:
    """A /24 with its count points at hosts."""
    with pytest.raises(ConfigError, match="by country"):
        publishable(table([30]), By.BLOCK)
