"""In Chromium: axe-core objects to no page, nothing runs out sideways, and the search finds."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from judged_run import IP
from made_browser import ROOT, axe_finds_nothing, told, with_axe, with_chromium
from made_site import NOON, made_campaign, made_settings
from made_site_desk import MadeDesk, make_desk

from survey.flows.site import site_facts
from survey.flows.site_control import Control
from survey.model.letter import LetterKind
from survey.notify.letter_token import letter_token
from survey.site.build import site_files
from survey.site.languages import written
from survey.targets.ranges import RangeSet

pytestmark = pytest.mark.long
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


def _whole(page: str, files: Mapping[str, bytes]) -> str:
    """A page with the files in it that it would load."""
    page = re.sub(
        r'<link rel="stylesheet" href="/([^"]*)">',
        lambda found: f"<style>{files[found[1]].decode()}</style>",
        page,
    )
    own = [files[name].decode() for name in re.findall(r'<script src="/([^"]*)"', page)]
    page = re.sub(r'<script src="/[^"]*" defer></script>', "", page)
    return page.replace("</body>", "".join(f"<script>{text}</script>" for text in own) + "</body>")


@with_axe
@pytest.mark.parametrize("language", sorted(set(written()) - set(LOOKED_AT)))
def test_pages_of_other_languages_have_no_violation(
    files: dict[str, bytes], tmp_path: Path, language: str
) -> None:
    """Those that differ most by language: the longest menu, the longest words, on a phone."""
    for name in ("", "close", "privacy"):
        path = f"{language}/{name}/index.html" if name else f"{language}/index.html"
        axe_finds_nothing(_whole(files[path].decode(), files), tmp_path, 500)


@with_axe
@pytest.mark.parametrize(("width", "dark"), [(1280, False), (1280, True), (500, False)])
@pytest.mark.parametrize("language", LOOKED_AT)
def test_no_page_has_a_violation(
    files: dict[str, bytes], tmp_path: Path, language: str, width: int, *, dark: bool
) -> None:
    """Rules of WCAG 2 A and AA and best practices; nothing runs out of the window sideways."""
    below = "" if language == "en" else f"{language}/"
    for name in PAGES:
        path = f"{below}{name}/index.html" if name else f"{below}index.html"
        axe_finds_nothing(_whole(files[path].decode(), files), tmp_path, width, dark=dark)


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
    style = (ROOT / "survey" / "site" / "assets" / "site.css").read_bytes()
    for path in paths:
        page = (await desk.get(path)).text
        sheet = re.search(r'rel="stylesheet" href="/([^"]*)"', page)
        assert sheet is not None
        axe_finds_nothing(_whole(page, {sheet[1]: style}), tmp_path, width, dark=dark)


@with_chromium
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
    page = _whole(files["close/index.html"].decode(), files)
    answers = told(page, tmp_path, f"<script>{SEARCH % json.dumps(said)}</script>")
    squid, postfix, kerio, nonsense, nothing = answers
    assert squid == [["squid"], ""]
    assert postfix == [["postfix"], ""]
    assert kerio[0] == []
    assert "That is Kerio Connect." in kerio[1]
    assert nonsense[0] == []
    assert "We know no steps" in nonsense[1]
    assert len(nothing[0]) == 19
    assert nothing[1] == ""
