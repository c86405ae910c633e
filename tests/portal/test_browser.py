"""In Chromium: axe-core objects to no page of the portal, and nothing runs out sideways."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from made_browser import axe_finds_nothing, with_axe
from made_portal import MadePortal, make_portal

from survey.model.address import Range, parse_ip
from survey.portal.languages import written
from survey.targets.optouts import add

PAGES = ("login", "", "findings", "findings?asn=x", "cases", "cases/OSYS-2026-000001")
PAGES += ("cases/OSYS-2026-000003", "cases/OSYS-2026-999999", "counts")

pytestmark = [pytest.mark.long, with_axe]


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
    for path in PAGES:
        page = await portal.page(f"{language}/{path}", "" if path == "login" else cookie)
        text = page.text.replace(
            '<link rel="stylesheet" href="/portal/portal.css">', f"<style>{style}</style>"
        )
        assert style in text
        axe_finds_nothing(text, tmp_path, width, dark=dark)
