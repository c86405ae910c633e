"""Lines and maps are whole SVG, bounded, and say nothing that the figures don't."""

import re
import xml.etree.ElementTree as ET
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_figures import CLOSURES

from survey.reports.charts import HEIGHT, WIDTH, closure_chart, trend_chart
from survey.reports.figures import Standing
from survey.reports.languages import speak, written
from survey.reports.map import draw_map

START = datetime(2026, 1, 5, tzinfo=UTC)
SVG = "{http://www.w3.org/2000/svg}"


def _points(svg: str, kind: str) -> list[tuple[float, float]]:
    (line,) = [one for one in ET.fromstring(svg) if one.get("class") == f"line {kind}"]  # noqa: S314 - our own
    return [tuple(map(float, pair.split(","))) for pair in (line.get("points") or "").split()]  # type: ignore[misc]


@given(st.lists(st.integers(0, 10**7), min_size=2, max_size=60))
def test_line_stays_inside_and_keeps_the_order_of_the_numbers(counts: list[int]) -> None:
    """A greater number is higher; the first grid line is 0, the last is not below the greatest."""
    trend = [
        Standing(f"r{n}", START + timedelta(weeks=n), count, count // 2, count // 3)
        for n, count in enumerate(counts)
    ]
    svg = trend_chart(speak("en"), trend)
    points = _points(svg, "all")
    assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in points)
    by_height = sorted(range(len(counts)), key=lambda n: (counts[n], n))
    heights = [points[n][1] for n in by_height]
    assert heights == sorted(heights, reverse=True)
    ticks = [int(text.replace(",", "")) for text in re.findall(r'"end">([\d,]+)</text>', svg)]
    assert ticks[0] == 0
    assert ticks[-1] >= max(counts)
    assert len(ticks) <= 6


@pytest.mark.parametrize("language", written())
def test_axes_are_in_every_language(language: str) -> None:
    """Months and shares by CLDR."""
    trend = [Standing(f"r{n}", START + timedelta(weeks=n), n, n, n) for n in range(52)]
    assert speak(language).month(START) in trend_chart(speak(language), trend)
    assert speak(language).percent(0.5) in closure_chart(speak(language), CLOSURES[1:])


def test_curve_falls_in_steps() -> None:
    """From everything open on day 0; nothing beyond 90 days."""
    points = _points(closure_chart(speak("en"), CLOSURES[1:]), "told")
    heights = [y for _, y in points]
    assert heights == sorted(heights)
    assert all(a[0] == b[0] or a[1] == b[1] for a, b in pairwise(points))


def test_map_shows_the_jurisdiction_among_its_neighbours() -> None:
    """The darkest is the worst; a country that the map lacks is no error."""
    svg = draw_map({"ES": 0.002, "PT": 0.001, "SG": 0.5})
    classes = [one.get("class") for one in ET.fromstring(svg)]  # noqa: S314 - our own
    assert classes[:2] == ["sea", "land"]
    assert set(classes[2:]) == {"own own-4", "own own-2"}
    assert draw_map({"SG": 0.5}) == ""
    assert draw_map({}) == ""


@pytest.mark.parametrize("codes", [("RU",), ("US", "AU"), ("FJ",), ("LU",), ("NZ", "CL", "NO")])
def test_map_of_any_countries_is_bounded(codes: tuple[str, ...]) -> None:
    """Large, far apart, across the date line, tiny."""
    svg = draw_map(dict.fromkeys(codes, 0.1))
    assert svg.count('class="own') == len(codes)
    assert len(svg) < 120_000
