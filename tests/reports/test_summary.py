"""What the public may read: counts, never a small one, nor what would tell it."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_figures import make_figures

from survey.reports.figures import Figures, Flow, Standing
from survey.reports.languages import speak
from survey.reports.render import render_page
from survey.reports.summary import SMALL, compose_summary, public

ENGLISH = speak("en")


def _text(figures: Figures) -> str:
    document = compose_summary(ENGLISH, figures)
    shown = [document.headline, document.lede, *document.closing]
    for one in document.key:
        shown += [f"{one.value} {one.label}", one.note]
    for section in document.sections:
        shown += [section.title, section.note]
        for block in section.blocks:
            shown.append(str(block))
    return "\n".join(shown)


def _with(open_: int, relays: int, proxies: int) -> Figures:
    figures = make_figures()
    this = Standing("2026-W48", figures.trend[-1].at, open_, relays, proxies)
    return replace(
        figures,
        open=open_,
        relays=relays,
        proxies=proxies,
        trend=(this,),
        compared=None,
        flow=None,
    )


def test_summary_is_for_everybody() -> None:
    """TLP:CLEAR, no network, no port, no program, no file of the agency's."""
    text = render_page(compose_summary(ENGLISH, make_figures()))
    assert "TLP:CLEAR" in text
    for hidden in ("AS" + "64", "Cierzo", "3128", "open_servers-", "TLP:AMBER", "Postfix"):
        assert hidden not in text
    assert "Spain: 160 servers are open to strangers" in text


@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 30))
def test_no_small_number_and_no_part_beside_its_whole(relays: int, proxies: int, both: int) -> None:
    """A small part hides all parts; a small whole hides itself."""
    both = min(both, relays, proxies)
    total = relays + proxies - both
    document = compose_summary(ENGLISH, _with(total, relays, proxies))
    shown = {figure.label: int(figure.value) for figure in document.key}
    assert all(value == 0 or value >= SMALL for value in shown.values())
    if not public(relays, proxies):
        assert set(shown) <= {"open servers"}
    if not public(total):
        assert shown == {}
        assert "fewer than 5 servers" in document.headline
    else:
        assert shown["open servers"] == total


@pytest.mark.parametrize("small", ["new", "regressed", "fixed", "lost"])
def test_balance_with_a_small_part_is_not_shown_at_all(small: str) -> None:
    """Any part of a sum is told by the others."""
    figures = make_figures()
    whole = Flow("2026-W47", 171, 24, 6, 29, 12, 160, 130)
    assert "Since the last time" in _text(replace(figures, flow=whole))
    assert "Since the last time" not in _text(
        replace(figures, flow=replace(whole, **{small: SMALL - 1}))
    )


def test_line_with_a_small_point_is_not_drawn() -> None:
    """Its height would be the number."""
    figures = make_figures()
    assert "Line of open servers" in _text(figures)
    low = replace(figures.trend[3], relays=SMALL - 1)
    trend = (*figures.trend[:3], low, *figures.trend[4:])
    assert "Line of open servers" not in _text(replace(figures, trend=trend))


def test_change_against_a_small_number_is_not_told() -> None:
    """It would give the small number away."""
    figures = make_figures()
    assert "−12 against the last time" in _text(figures)
    before = replace(figures.trend[-2], open=SMALL - 1)
    text = _text(replace(figures, compared=before, trend=figures.trend[-1:]))
    assert "against the last time" not in text
