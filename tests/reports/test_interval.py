"""The Wilson interval against published values, and its behaviour at the ends."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from survey.reports.interval import wilson


@pytest.mark.parametrize(
    ("hits", "total", "low", "high"),
    [
        (0, 10, 0.0, 0.277533),
        (1, 10, 0.017876, 0.404150),
        (5, 10, 0.236593, 0.763407),
        (10, 10, 0.722467, 1.0),
        (81, 263, 0.2553, 0.3662),
    ],
)
def test_known_intervals(hits: int, total: int, low: float, high: float) -> None:
    """Small, middle and full counts; 81 of 263 is the example of Newcombe (1998), method 3."""
    assert wilson(hits, total) == pytest.approx((low, high), abs=6e-5)


def test_empty_total_says_nothing() -> None:
    """Nothing tested, nothing known."""
    assert wilson(0, 0) == (0.0, 1.0)


@given(st.integers(min_value=1, max_value=10**9), st.data())
def test_interval_holds_the_rate_and_stays_in_range(total: int, data: st.DataObject) -> None:
    """0 <= low <= rate <= high <= 1 for every count."""
    hits = data.draw(st.integers(min_value=0, max_value=total))
    low, high = wilson(hits, total)
    assert 0.0 <= low <= hits / total <= high <= 1.0
