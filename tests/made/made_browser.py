"""Chromium without a window, and what a script says of a page in it.

``make test-long`` installs both on Debian: the package chromium, and axe-core by npm.
"""

import html
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
AXE = Path(os.environ.get("AXE_CORE", ROOT / "node_modules" / "axe-core" / "axe.min.js"))
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

with_chromium = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
with_axe = pytest.mark.skipif(
    CHROMIUM is None or not AXE.is_file(), reason="there is no Chromium or no axe-core (AXE_CORE)"
)

MANY = 10
"""Rules that apply to any page of ours, and are kept."""

_RUN = """
axe.run(document, {resultTypes: ["violations", "incomplete"]}).then(found => {
  const told = {
    violations: found.violations.map(one => [one.id, one.nodes.map(node => node.html)]),
    passes: found.passes.length,
    wide: document.documentElement.scrollWidth - window.innerWidth,
  };
  document.documentElement.setAttribute("data-told", JSON.stringify(told));
});
"""


def told(text: str, folder: Path, script: str, width: int = 1280) -> Any:
    """What a script puts into ``data-told`` of a page that has everything it needs inside.

    Our policy, which forbids such scripts, is taken out for it.
    """
    text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", text)
    page = folder / "page.html"
    page.write_text(text.replace("</body>", f"{script}</body>"), encoding="utf-8")
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
    return json.loads(html.unescape(found[1]))


def axe_finds_nothing(text: str, folder: Path, width: int = 1280, *, dark: bool = False) -> None:
    """Rules of WCAG 2 A and AA and best practices; nothing runs out of the window sideways."""
    if dark:
        text = text.replace("(prefers-color-scheme: dark)", "(min-width: 1px)")
    script = f"<script>{AXE.read_text(encoding='utf-8')};{_RUN}</script>"
    found = told(text, folder, script, width)
    assert found["violations"] == []
    assert found["passes"] > MANY
    assert found["wide"] <= 0
