"""axe-core finds nothing to object to in Chromium, wide and narrow, light and dark."""

from pathlib import Path

import pytest
from made_browser import axe_finds_nothing, with_axe
from made_figures import make_figures

from survey.reports.compose import compose
from survey.reports.languages import speak, written
from survey.reports.render import render_page
from survey.reports.summary import compose_summary

pytestmark = [pytest.mark.long, with_axe]


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (1280, True), (500, False)])
@pytest.mark.parametrize("language", written())
def test_report_has_no_violation(tmp_path: Path, language: str, width: int, *, dark: bool) -> None:
    """Rules of WCAG 2 A and AA and best practices; nothing runs out of the window sideways."""
    page = render_page(compose(speak(language), make_figures()))
    axe_finds_nothing(page, tmp_path, width, dark=dark)


@pytest.mark.parametrize("language", ["ar", "en", "ja"])
def test_summary_has_no_violation(tmp_path: Path, language: str) -> None:
    """The public summary, too."""
    axe_finds_nothing(render_page(compose_summary(speak(language), make_figures())), tmp_path)
