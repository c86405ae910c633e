"""axe-core finds nothing to object to on the pages, in Chromium, wide and narrow, light and dark.

Needs ``chromium`` and ``npm install --no-save axe-core`` in the project's folder (or AXE_CORE, the
path of axe.min.js).
"""

import html
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from made_figures import make_figures

from survey.reports.compose import compose
from survey.reports.languages import speak, written
from survey.reports.render import render_page
from survey.reports.summary import compose_summary

ROOT = Path(__file__).resolve().parents[2]
AXE = Path(os.environ.get("AXE_CORE", ROOT / "node_modules" / "axe-core" / "axe.min.js"))
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
    pytest.mark.skipif(not AXE.is_file(), reason="npm install --no-save axe-core"),
]

RUN = """
axe.run(document, {resultTypes: ["violations", "incomplete"]}).then(found => {
  const told = {
    violations: found.violations.map(one => [one.id, one.nodes.map(node => node.html)]),
    passes: found.passes.length,
    wide: document.documentElement.scrollWidth - window.innerWidth,
  };
  document.documentElement.setAttribute("data-axe", JSON.stringify(told));
});
"""


def _told(page: str, folder: Path, width: int, *, dark: bool) -> dict:
    """What axe says of a page; our policy that forbids scripts is taken out for it."""
    page = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page)
    if dark:
        page = page.replace("(prefers-color-scheme: dark)", "(min-width: 1px)")
    script = f"<script>{AXE.read_text(encoding='utf-8')}</script><script>{RUN}</script>"
    path = folder / "page.html"
    path.write_text(page.replace("</body>", f"{script}</body>"), encoding="utf-8")
    assert CHROMIUM is not None
    done = subprocess.run(
        [
            *(CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
            *(f"--window-size={width},1600", "--virtual-time-budget=30000", "--dump-dom"),
            f"--user-data-dir={folder / 'chromium'}",
            path.as_uri(),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    found = re.search(r'data-axe="([^"]*)"', done.stdout)
    assert found is not None, done.stderr[-2000:]
    told: dict = json.loads(html.unescape(found[1]))
    return told


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (1280, True), (500, False)])
@pytest.mark.parametrize("language", written())
def test_report_has_no_violation(tmp_path: Path, language: str, width: int, *, dark: bool) -> None:
    """Rules of WCAG 2 A and AA and best practices; nothing runs out of the window sideways."""
    told = _told(render_page(compose(speak(language), make_figures())), tmp_path, width, dark=dark)
    assert told["violations"] == []
    assert told["passes"] > 20
    assert told["wide"] <= 0


@pytest.mark.parametrize("language", ["ar", "en", "ja"])
def test_summary_has_no_violation(tmp_path: Path, language: str) -> None:
    """The public summary, too."""
    page = render_page(compose_summary(speak(language), make_figures()))
    told = _told(page, tmp_path, 1280, dark=False)
    assert told["violations"] == []
