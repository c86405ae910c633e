"""In Chromium: axe-core objects to no page of the portal, and nothing runs out sideways.

Needs ``chromium`` and ``npm install --no-save axe-core`` in the project's folder (or AXE_CORE, the
path of axe.min.js).
"""

import html
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from made_portal import MadePortal, make_portal

from survey.model.address import Range, parse_ip
from survey.portal.languages import written
from survey.targets.optouts import add

ROOT = Path(__file__).resolve().parents[2]
AXE = Path(os.environ.get("AXE_CORE", ROOT / "node_modules" / "axe-core" / "axe.min.js"))
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
RUN = """
axe.run(document, {resultTypes: ["violations"]}).then(found => {
  const told = {
    violations: found.violations.map(one => [one.id, one.nodes.map(node => node.html)]),
    wide: document.documentElement.scrollWidth - window.innerWidth,
  };
  document.documentElement.setAttribute("data-told", JSON.stringify(told));
});
"""
PAGES = ("login", "", "findings", "findings?asn=x", "cases", "cases/OSYS-2026-000001")
PAGES += ("cases/OSYS-2026-000003", "cases/OSYS-2026-999999", "counts")

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
    pytest.mark.skipif(not AXE.is_file(), reason="npm install --no-save axe-core"),
]


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MadePortal]:
    """Cases, reports and keys, and somebody who opted out."""
    made = make_portal(tmp_path_factory.mktemp("portal"))
    now, first = made.clock.now, parse_ip("192.0.2.220")
    log = made.office.judged.optouts
    add(log, (Range(first, first + 9),), "owner", "by phone", now, now)
    yield made
    made.office.ledger.close()


@pytest.mark.parametrize("language", written())
@pytest.mark.parametrize(("width", "dark"), [(1280, False), (1280, True), (500, False)])
async def test_no_page_has_a_violation(
    portal: MadePortal, tmp_path: Path, language: str, width: int, *, dark: bool
) -> None:
    """Rules of WCAG 2 A and AA and best practices, light and dark, on a phone."""
    cookie = await portal.login()
    style = (await portal.page("portal.css")).text
    if dark:
        style = style.replace("(prefers-color-scheme: dark)", "(min-width: 1px)")
    for path in PAGES:
        page = await portal.page(f"{language}/{path}", "" if path == "login" else cookie)
        text = page.text.replace(
            '<link rel="stylesheet" href="/portal/portal.css">', f"<style>{style}</style>"
        )
        assert style in text
        told = _told(text, tmp_path, width)
        assert told["violations"] == [], path
        assert told["wide"] <= 0, path


def _told(text: str, folder: Path, width: int) -> dict[str, object]:
    """What axe tells of a page that has it inside."""
    script = f"<script>{AXE.read_text(encoding='utf-8')};{RUN}</script></body>"
    page = folder / "page.html"
    page.write_text(text.replace("</body>", script), encoding="utf-8")
    assert CHROMIUM is not None
    done = subprocess.run(
        [
            *(CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
            *(f"--window-size={width},1600", "--virtual-time-budget=30000", "--dump-dom"),
            f"--user-data-dir={folder / 'chromium'}",
            page.as_uri(),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    found = re.search(r'data-told="([^"]*)"', done.stdout)
    assert found is not None, done.stderr[-2000:]
    told: dict[str, object] = json.loads(html.unescape(found[1]))
    return told
