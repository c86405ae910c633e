"""Public figures: what is left out is nowhere on the page, and no line runs through it."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from made_site import NOON, made_campaign, made_settings

from survey.flows.site import site_facts
from survey.site.build import site_files
from survey.site.charts import long_line, small_line
from survey.site.figures import public_figures
from survey.site.figures_page import figures_page
from survey.site.languages import speak, written

START = datetime(2026, 1, 5, tzinfo=UTC)
WEEKS = [START + timedelta(weeks=week) for week in range(4)]


def _row(
    week: int, country: str | None, count: int | None, *, total: bool = False
) -> dict[str, Any]:
    rate = None if count is None or total else float(count * 10)
    return {
        "period": f"2026-W{week + 2:02}",
        "began": WEEKS[week],
        "country": country,
        "total": total,
        "suppressed": count is None,
        "open": count,
        "answering": None if count is None else 1000,
        "per_100k_answering": rate,
        "per_100k_low": rate and rate - 1,
        "per_100k_high": rate and rate + 1,
    }


def _rows() -> list[dict[str, Any]]:
    rows = []
    for week, (spain, peru) in enumerate([(20, 7), (30, None), (None, 8), (1234, None)]):
        rows += [_row(week, "ES", spain), _row(week, "PE", peru), _row(week, None, 6)]
        rows.append(_row(week, None, 100 + week, total=True))
    return rows


def test_countries_stand_by_what_is_shown() -> None:
    """The newest period decides; a gap of the registry is no country."""
    figures = public_figures(_rows(), (), ())
    assert figures is not None
    assert [(one.code, one.open) for one in figures.countries] == [("ES", (20, 30, None, 1234))]
    assert figures.hidden == ("PE",)
    assert figures.total == (100, 101, 102, 103)


def test_no_period_no_figures() -> None:
    """Before the first survey there is no page."""
    assert public_figures([], (), ()) is None


def test_a_year_is_shown() -> None:
    """The newest 53 weeks."""
    rows = [
        {**_row(0, None, week, total=True), "began": START + timedelta(weeks=week)}
        for week in range(80)
    ]
    figures = public_figures(rows, (), ())
    assert figures is not None
    assert len(figures.moments) == 53
    assert figures.total[-1] == 79


def test_a_line_has_a_gap_where_a_figure_is_left_out() -> None:
    """Two lines rather than one, and a dot for a figure that stands alone."""
    drawn = small_line(WEEKS, (20, 30, None, 25))
    (path,) = re.findall(r'points="([^"]*)"', drawn)
    assert len(path.split()) == 2
    assert drawn.count("<circle") == 2
    assert "None" not in long_line(speak("en"), WEEKS, (None, 8, None, None))


def test_a_line_of_nothing_is_empty() -> None:
    """All left out: no line, no error."""
    assert "<polyline" not in small_line(WEEKS, (None,) * 4)
    assert "<polyline" not in long_line(speak("en"), WEEKS, (None,) * 4)


def test_page_says_it_in_every_language() -> None:
    """Numbers, countries and days as its readers write them."""
    figures = public_figures(_rows(), (("open", "hosts"),), ("A source (CC0)",))
    assert figures is not None
    for code in written():
        page = figures_page(speak(code), figures)
        assert "103" in page.lede
        assert "%" not in page.lede + page.alt + page.hidden
        assert page.rows[0].name == speak(code).country("ES")
        assert "".join(filter(str.isdecimal, page.rows[0].rate)) == "12340"
        assert page.hidden == speak(code).country("PE")


def test_a_page_of_the_whole_world_is_light(tmp_path: Path) -> None:
    """Two hundred countries, each with a year of weeks."""
    codes = [code for code in speak("en").locale.territories if len(code) == 2 and code.isalpha()]
    rows = []
    for week in range(53):
        at = START + timedelta(weeks=week)
        for number, code in enumerate(codes[:200]):
            count = 1000 + 97 * number + 13 * (week * number % 7)
            rows.append({**_row(0, code, count), "began": at})
        rows.append({**_row(0, None, 10**6, total=True), "began": at})
    columns = (("open", "hosts with an open finding"),) * 15
    figures = public_figures(rows, columns, ("A source of some sort (CC0)",) * 6)
    facts = replace(
        site_facts(made_settings(tmp_path), made_campaign(tmp_path), NOON), figures=figures
    )
    files = site_files(facts)
    for path, data in files.items():
        assert not path.endswith("figures/index.html") or len(data) < 50_000, path


def test_a_total_left_out_is_said() -> None:
    """Fewer than are published; no number, no line."""
    figures = public_figures([_row(0, None, None, total=True)], (), ())
    assert figures is not None
    page = figures_page(speak("en"), figures)
    assert page.lede == "In the survey of January 5, 2026 fewer servers were open than we publish."
    assert page.alt == "No number is large enough to be shown."
