"""In Chromium: axe-core objects to no page, nothing runs out sideways, and the search finds.

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
from judged_run import IP
from made_site import NOON, made_campaign, made_settings
from made_site_desk import MadeDesk, make_desk

from survey.flows.site import site_facts
from survey.flows.site_control import Control
from survey.model.letter import LetterKind
from survey.notify.letter_token import letter_token
from survey.site.build import site_files
from survey.site.languages import written
from survey.targets.ranges import RangeSet

ROOT = Path(__file__).resolve().parents[2]
AXE = Path(os.environ.get("AXE_CORE", ROOT / "node_modules" / "axe-core" / "axe.min.js"))
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
]
with_axe = pytest.mark.skipif(not AXE.is_file(), reason="npm install --no-save axe-core")

RUN = """
axe.run(document, {resultTypes: ["violations", "incomplete"]}).then(found => {
  const told = {
    violations: found.violations.map(one => [one.id, one.nodes.map(node => node.html)]),
    passes: found.passes.length,
    wide: document.documentElement.scrollWidth - window.innerWidth,
  };
  document.documentElement.setAttribute("data-told", JSON.stringify(told));
});
"""
SEARCH = """
addEventListener("load", () => {
  const said = document.getElementById("said");
  const answers = %s.map(text => {
    said.value = text;
    said.dispatchEvent(new Event("input"));
    const shown = [...document.querySelectorAll("#programs > li")].filter(row => !row.hidden);
    return [shown.map(row => row.dataset.id), document.getElementById("found").textContent];
  });
  document.documentElement.setAttribute("data-told", JSON.stringify(answers));
});
"""
LOOKED_AT = ("ar", "en", "es", "ja")
PAGES = ("", "agencies", "close", "close/mail-relay", "close/squid", "letter", "scanning")
PAGES += ("opt-out", "privacy", "contact")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The whole site, made once."""
    folder = tmp_path_factory.mktemp("site")
    return site_files(site_facts(made_settings(folder), made_campaign(folder), NOON))


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MadeDesk]:
    """Cases and their pages."""
    made = make_desk(tmp_path_factory.mktemp("desk"))
    made.desk._control = Control(lambda _: (), RangeSet.of([]))
    yield made
    made.office.ledger.close()


def _style(*, dark: bool) -> bytes:
    """The style sheet, as in the dark or not."""
    style = (ROOT / "survey" / "site" / "assets" / "site.css").read_bytes()
    return style.replace(b"(prefers-color-scheme: dark)", b"(min-width: 1px)") if dark else style


def _axe() -> str:
    """Our script behind axe's."""
    return f"{AXE.read_text(encoding='utf-8')};{RUN}"


def _told(
    files: dict[str, bytes], path: str, folder: Path, script: str, width: int = 1280
) -> object:
    """What a script of ours tells of a page, whose files are put into it for that."""
    text = files[path].decode()
    text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", text)
    text = re.sub(
        r'<link rel="stylesheet" href="/([^"]*)">',
        lambda found: f"<style>{files[found[1]].decode()}</style>",
        text,
    )
    own = "".join(
        f"<script>{files[name].decode()}</script>"
        for name in re.findall(r'<script src="/([^"]*)"', text)
    )
    text = re.sub(r'<script src="/[^"]*" defer></script>', "", text)
    page = folder / "page.html"
    page.write_text(
        text.replace("</body>", f"{own}<script>{script}</script></body>"), encoding="utf-8"
    )
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


@with_axe
@pytest.mark.parametrize("language", sorted(set(written()) - set(LOOKED_AT)))
def test_pages_of_other_languages_have_no_violation(
    files: dict[str, bytes], tmp_path: Path, language: str
) -> None:
    """Those that differ most by language: the longest menu, the longest words, on a phone."""
    for name in ("", "close", "privacy"):
        path = f"{language}/{name}/index.html" if name else f"{language}/index.html"
        told = _told(files, path, tmp_path, _axe(), 500)
        assert isinstance(told, dict)
        assert told["violations"] == [], path
        assert told["wide"] <= 0, path


@with_axe
@pytest.mark.parametrize(("width", "dark"), [(1280, False), (1280, True), (500, False)])
@pytest.mark.parametrize("language", LOOKED_AT)
def test_no_page_has_a_violation(
    files: dict[str, bytes], tmp_path: Path, language: str, width: int, *, dark: bool
) -> None:
    """Rules of WCAG 2 A and AA and best practices; nothing runs out of the window sideways."""
    if dark:
        files = {
            path: data.replace(b"(prefers-color-scheme: dark)", b"(min-width: 1px)")
            for path, data in files.items()
        }
    below = "" if language == "en" else f"{language}/"
    script = _axe()
    for name in PAGES:
        path = f"{below}{name}/index.html" if name else f"{below}index.html"
        told = _told(files, path, tmp_path, script, width)
        assert isinstance(told, dict)
        assert told["violations"] == [], path
        assert told["passes"] > 20
        assert told["wide"] <= 0, path


@with_axe
@pytest.mark.parametrize(("width", "dark"), [(1280, False), (1280, True), (500, False)])
@pytest.mark.parametrize("language", LOOKED_AT)
async def test_no_page_that_answers_has_a_violation(
    desk: MadeDesk, tmp_path: Path, language: str, width: int, *, dark: bool
) -> None:
    """A case, open and with a test asked for; own tests, another address; letters stopped."""
    number = desk.office.case_of("relay").number
    await desk.post(
        f"{desk.path(number, language)}test", {"server": f"{IP['relay']}:25/smtp_relay"}
    )
    asked = await desk.post(f"/{language}/own-test/", {}, client=IP["proxy"])
    other = await desk.post(f"/{language}/own-test/address/", {"ip": IP["proxy"]})
    stop = f"/{language}/stop/{letter_token(desk.office.key, number, LetterKind.FIRST_NOTICE)}"
    paths = [
        desk.path(desk.office.case_of("proxy").number, language),
        f"{desk.path(number, language)}?said=too_soon&what=test",
        f"/{language}/own-test/",
        asked.headers.get("location", f"/{language}/own-test/"),
        f"{other.headers['location']}?said=not_found",
        stop,
    ]
    style = _style(dark=dark)
    script = _axe()
    for path in paths:
        page = (await desk.get(path)).text
        sheet = re.search(r'rel="stylesheet" href="/([^"]*)"', page)
        assert sheet is not None
        files = {"page": page.encode(), sheet[1]: style}
        told = _told(files, "page", tmp_path, script, width)
        assert isinstance(told, dict)
        assert told["violations"] == [], path
        assert told["wide"] <= 0, path


def test_search_finds_by_name_and_by_what_a_server_says(
    files: dict[str, bytes], tmp_path: Path
) -> None:
    """A name in part, a whole banner, a program without steps, nonsense, nothing."""
    said = [
        "squ",
        "220 mx.example ESMTP Postfix",
        "220 x Kerio Connect 9.2.7 ESMTP ready",
        "zz",
        "",
    ]
    answers = _told(files, "close/index.html", tmp_path, SEARCH % json.dumps(said))
    assert isinstance(answers, list)
    squid, postfix, kerio, nonsense, nothing = answers
    assert squid == [["squid"], ""]
    assert postfix == [["postfix"], ""]
    assert kerio[0] == []
    assert "That is Kerio Connect." in kerio[1]
    assert nonsense[0] == []
    assert "We know no steps" in nonsense[1]
    assert len(nothing[0]) == 19
    assert nothing[1] == ""
