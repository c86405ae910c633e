"""The pages: whole, light, linked, safe, and with every fact that they are for."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest
from made_site import AGENCIES, NOON, PAGE, made_campaign, made_settings

from survey.closing.instructions import closings
from survey.flows.site import site_facts
from survey.model.probe import Probe
from survey.model.site import agencies_page, closing_page
from survey.notify.letter import written as letters_written
from survey.site.build import root_of, site_files
from survey.site.languages import written
from survey.site.policy import POLICY
from survey.site.security import security_text

ROOT = Path(__file__).resolve().parents[2]
WHOLE = 50_000
VOID = {"meta", "link", "input", "br", "img", "hr"}


class Page(HTMLParser):
    """What a page holds: its links, what it loads, its ids, and whether its tags are paired."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.ids: list[str] = []
        self.inline: list[str] = []
        self.headings: list[int] = []
        self.lang = self.dir = ""
        self._open: list[str] = []
        self.feed(text)
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what matters of a tag."""
        given = {name: value or "" for name, value in attrs}
        self.inline += [name for name in given if name.startswith("on") or name == "style"]
        if tag == "html":
            self.lang, self.dir = given["lang"], given["dir"]
        if tag == "a":
            self.links.append(given["href"])
        if tag in {"script", "img", "iframe", "object", "source"}:
            self.loads.append(given.get("src", ""))
        if tag == "style":
            self.inline.append(tag)
        if tag == "link" and given["rel"] == "stylesheet":
            self.loads.append(given["href"])
        if "id" in given:
            self.ids.append(given["id"])
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Each ends what was begun last."""
        assert self._open.pop() == tag


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The whole site, made once."""
    folder = tmp_path_factory.mktemp("site")
    return site_files(site_facts(made_settings(folder), made_campaign(folder), NOON))


def _pages(files: dict[str, bytes]) -> dict[str, str]:
    return {path: data.decode() for path, data in files.items() if path.endswith(".html")}


def test_first_languages_are_written() -> None:
    """English, Spanish, Arabic and Japanese at least."""
    assert {"ar", "en", "es", "ja"} <= set(written())


def test_every_page_is_light_and_whole(files: dict[str, bytes]) -> None:
    """Under 50 kB, well-formed, one h1, no level skipped, no id twice."""
    for path, text in _pages(files).items():
        assert len(text.encode()) < WHOLE, path
        page = Page(text)
        assert page.headings.count(1) == 1, path
        before = [1, *page.headings]
        assert all(b - a <= 1 for a, b in zip(before, page.headings, strict=False)), path
        assert len(page.ids) == len(set(page.ids)), path


def test_everything_shared_is_light_too(files: dict[str, bytes]) -> None:
    """Style and scripts, which are fetched once."""
    assets = {path: data for path, data in files.items() if path.startswith("assets/")}
    assert len(assets) == 3
    assert sum(map(len, assets.values())) < WHOLE


def test_a_page_asks_nobody_else(files: dict[str, bytes]) -> None:
    """It loads our own files alone, holds no inline script or style, and has the policy."""
    for path, text in _pages(files).items():
        page = Page(text)
        assert page.loads
        assert all(one.startswith("/assets/") for one in page.loads), path
        assert all(one.lstrip("/") in files for one in page.loads), path
        assert page.inline == [], path
        assert f'content="{POLICY}"'.replace("'", "&#39;") in text, path
    assert "unsafe" not in POLICY
    assert POLICY.startswith("default-src 'none'")


def test_only_the_page_of_programs_has_a_script(files: dict[str, bytes]) -> None:
    """Everything else is text."""
    with_script = {path for path, text in _pages(files).items() if "<script" in text}
    assert with_script == {
        f"{'' if code == 'en' else code + '/'}close/index.html" for code in written()
    }


def test_every_link_leads_somewhere(files: dict[str, bytes]) -> None:
    """To a page of the site, to an agency or a vendor over https, or to a mailbox."""
    known = {f"/{path.removesuffix('index.html')}" for path in files}
    known |= {"/.well-known/probing.txt", "/.well-known/security.txt", "/agencies.json"}
    for path, text in _pages(files).items():
        here = f"/{path.removesuffix('index.html')}"
        for link in Page(text).links:
            parts = urlsplit(urljoin(here, link))
            if parts.scheme:
                assert parts.scheme in {"https", "mailto"}, link
                continue
            assert parts.path in known, (path, link)
            if parts.fragment:
                target = files[
                    f"{parts.path.lstrip('/')}index.html" if parts.path != here else path
                ]
                assert parts.fragment in Page(target.decode()).ids, (path, link)


def test_letters_lead_to_pages_that_are_there(files: dict[str, bytes]) -> None:
    """Wherever ``model.site`` points, in every language that letters are written in."""
    assert set(letters_written()) == set(written())
    for code in letters_written():
        links = [agencies_page(PAGE, code), closing_page(PAGE, language=code)]
        links += [closing_page(PAGE, probe, code) for probe in Probe]
        for link in links:
            assert f"{urlsplit(link).path.strip('/')}/index.html" in files


@pytest.mark.parametrize("language", written())
def test_every_page_is_there_in_every_language(files: dict[str, bytes], language: str) -> None:
    """The same pages, each of which says its language and direction."""
    english = {path for path in _pages(files) if path.split("/")[0] not in written()}
    below = "" if language == "en" else f"{language}/"
    for path in english:
        page = Page(files[below + path].decode())
        assert page.lang == language
        assert page.dir == ("rtl" if language == "ar" else "ltr")


def test_agencies_stand_under_their_country(files: dict[str, bytes]) -> None:
    """Names in their own script, escaped; countries in the reader's language."""
    page = files["ja/agencies/index.html"].decode()
    assert "スペイン" in page
    assert "日本" in page
    assert '<b lang="es" dir="auto">Organismo &lt;de&gt; Consumo</b>' in page
    for id_, *_ in AGENCIES:
        assert f"https://{id_}.example/secure-your-server" in page
        assert f"desk@{id_}.example" in page


def test_how_we_scan_says_what_the_campaign_does(files: dict[str, bytes]) -> None:
    """Addresses, name, ports, rates, and each probe's bytes with our own names in them."""
    page = files["scanning/index.html"].decode()
    said = (
        "127.0.31.1",
        "127.0.31.2",
        "probe.survey.example",
        "23, 25, 80, 465, 1080, 3128, 8080",
        "2,500",
        "EHLO probe.survey.example\\r\\n",
        "RCPT TO:&lt;R@canary.example&gt;",
        "User-Agent: secure-your-server (+https://www.survey.example/; survey@survey.example)",
        "05 01 00",
    )
    assert [one for one in said if one not in page] == []
    assert all(f'id="{probe}"' in page for probe in Probe)


@pytest.mark.parametrize("probe", Probe)
def test_what_is_sent_is_what_the_documentation_says(probe: Probe) -> None:
    """Each line stands in ``docs/probes``, in its order."""
    documented = (ROOT / "docs" / "probes" / f"{probe}.md").read_text(encoding="utf-8")
    told = documented.replace("`", "").replace("|", " ").split("## What it costs", maxsplit=1)[0]
    text = (ROOT / "survey" / "site" / "sent" / f"{probe}.txt").read_text(encoding="utf-8")
    documented_words = " ".join(told.split())
    for line in text.splitlines():
        assert " ".join(line.split()) in documented_words, line


def test_every_program_has_its_page_in_every_language(files: dict[str, bytes]) -> None:
    """With the lines to write; the list names each, the kinds of servers theirs."""
    for language in written():
        below = "" if language == "en" else f"{language}/"
        for software, closing in closings().items():
            page = files[f"{below}close/{software}/index.html"].decode()
            for line in (closing.write or "").splitlines():
                assert line.replace('"', "&#34;").replace("'", "&#39;") in page
            for probe in closing.closes:
                kind = urlsplit(closing_page(PAGE, probe)).path.strip("/")
                listing = files[f"{below}{kind}/index.html"].decode()
                assert f'href="/{below}close/{software}/"' in listing
            assert f'data-id="{software}"' in files[f"{below}close/index.html"].decode()


def test_programs_are_found_by_what_they_say(files: dict[str, bytes]) -> None:
    """The data of the search: every sign is a pattern, and banners are told."""
    (script,) = (
        data.decode() for path, data in files.items() if path.startswith("assets/programs")
    )
    rows = json.loads(script.removeprefix("const PROGRAMS = ").removesuffix(";\n"))

    def found(said: str) -> list[str]:
        return [
            row["id"]
            for row in rows
            if any(re.search(sign, said, re.IGNORECASE | re.MULTILINE) for sign in row["signs"])
        ]

    assert found("220 mail.example.org ESMTP Postfix (Debian/GNU)") == ["postfix"]
    assert found("220 mail.example.org ESMTP Exim 4.96 Tue, 24 Nov 2026") == ["exim"]
    assert {row["id"] for row in rows if row["page"]} == set(closings()) - {"router"}


def test_retention_is_the_campaigns(files: dict[str, bytes]) -> None:
    """In the reader's own numbers."""
    assert '<td class="number">1,095</td>' in files["privacy/index.html"].decode()
    assert '<td class="number">1.095</td>' in files["es/privacy/index.html"].decode()


def test_what_others_wrote_is_escaped(files: dict[str, bytes]) -> None:
    """A campaign's or an agency's words can't become markup."""
    assert "close &lt;open&gt; mail relays &amp; open" in files["index.html"].decode()


def test_a_site_may_lie_below_its_host(tmp_path: Path) -> None:
    """Links begin with the page's own path."""
    campaign = made_campaign(tmp_path, "https://www.survey.example/about/us")
    assert root_of(campaign.identity.page) == "/about/us/"
    files = site_files(site_facts(made_settings(tmp_path), campaign, NOON))
    links = Page(files["es/close/index.html"].decode()).links
    own = [link for link in links if link.startswith("/")]
    assert own
    assert all(link.startswith("/about/us/") for link in own)


def test_lost_pages_are_nowhere_in_the_menu(files: dict[str, bytes]) -> None:
    """The page for an address that is wrong says so, and leads on."""
    page = files["es/404.html"].decode()
    assert "Esta página no existe" in page
    assert 'aria-current="page"' not in page


def test_security_file_is_as_its_rfc_wants(tmp_path: Path) -> None:
    """RFC 9116: contact, an end within a year, its own address."""
    text = security_text(made_campaign(tmp_path), ("en", "es"), NOON)
    assert "Contact: mailto:survey@survey.example\r\n" in text
    assert "Expires: 2027-11-24T12:00:00Z\r\n" in text
    assert "Canonical: https://www.survey.example/.well-known/security.txt\r\n" in text
    assert "Preferred-Languages: en, es\r\n" in text
