"""The page is whole, self-contained, accessible, and no stranger's word acts in it."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from made_figures import make_figures

from survey.model.agency import Jurisdiction
from survey.model.exposure import NetworkExposure
from survey.model.miss_rate import MissRate
from survey.reports.compose import compose
from survey.reports.figures import Figures
from survey.reports.languages import speak, written
from survey.reports.render import render_page
from survey.reports.sections.where import LISTED, RANKED

_VOID = {"meta", "link", "br", "hr", "img", "input"}


@pytest.fixture
def figures() -> Figures:
    """Whole figures with something of everything."""
    return make_figures()


class _Page(HTMLParser):
    """Elements of a page, checked to be closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert not self._open, self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in _VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open, tag
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"[ \n]+", " ", " ".join(self.words))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def _page(figures: Figures, language: str) -> str:
    return render_page(compose(speak(language), figures))


def _line(asn: int | None, name: str, opened: int, tested: int = 1000) -> NetworkExposure:
    return NetworkExposure(asn, name, opened, opened, 0, 0, opened, tested)


def _with(figures: Figures, *networks: NetworkExposure) -> Figures:
    total = sum(line.open for line in networks)
    return replace(
        figures,
        networks=networks,
        open=total,
        relays=total,
        proxies=0,
        suspected=0,
        tested=sum(line.tested for line in networks),
        movements=(),
    )


@pytest.mark.parametrize("language", written())
def test_what_one_look_misses_is_said(figures: Figures, language: str) -> None:
    """The estimate, its interval, and the counts that it rests on; beside the coverage."""
    speech = speak(language)
    text = _Page(_page(figures, language)).text
    part = text[text.index(speech.say("Coverage of the run")) :]
    part = part[: part.index(speech.say("What counts as open"))]
    interval = speech.span(speech.percent(0.0081, 1), speech.percent(0.2180, 1))
    for fact in (speech.number(1_048), "22", speech.percent(1 / 22, 1), interval):
        assert fact in part
    assert speech.percent(1 / 22, 1).replace(",", ".").strip("%\xa0\u200e\u200f") == "4.5"


def test_what_is_not_known_of_misses_is_said(figures: Figures) -> None:
    """No second look, or none that found an open port, gives no rate at all."""
    for again, words in (
        (MissRate(0, 0, 0, 0.0, 1.0), "Nothing was dialled a second time"),
        (MissRate(40, 0, 0, 0.0, 1.0), "too little to say how many open ports one look misses"),
    ):
        some = replace(figures, coverage=replace(figures.coverage, again=again))
        text = _Page(_page(some, "en")).text
        assert words in text
        assert "one look misses about" not in text


@pytest.mark.parametrize("language", written())
def test_page_says_everything_in_every_language(figures: Figures, language: str) -> None:
    """Agency, period, marking, figures, coverage, sources, plan and time are all there."""
    speech = speak(language)
    page = _Page(_page(figures, language))
    direction = {"dir": "rtl"} if language == "ar" else {}
    assert page.all("html") == [{"lang": speech.tag, **direction}]
    for fact in (
        figures.agency.name,
        "TLP:AMBER",
        speech.country("ES"),
        "160",
        "63",
        "97",
        "AS64507",
        "Cierzo Hosting",
        "3128, 8080",
        figures.hosts_file,
        figures.contact,
        figures.plan_hash,
        "2026-11-20-lab",
        "R7",
        "08:30",
        "survey 0.1.0",
        speech.number(1_048_576),
    ):
        assert fact in page.text, fact


def test_headline_is_a_sentence_a_person_understands(figures: Figures) -> None:
    """It names the place in the reader's language and counts servers."""
    assert (
        "España: 160 servidores están abiertos a desconocidos" in _Page(_page(figures, "es")).text
    )
    assert "Spain: 160 servers are open to strangers" in _Page(_page(figures, "en")).text


@pytest.mark.parametrize(
    ("countries", "language", "place"),
    [
        ({"US"}, "en", "United States: 160 servers"),
        ({"ES", "PT"}, "en", "Spain and Portugal: 160 servers"),
        ({"GB", "DO", "ES"}, "es", "República Dominicana, España y Reino Unido: 160"),
        ({"ES", "FR", "GB", "PT"}, "es", "Su ámbito: 160 servidores"),
    ],
)
def test_countries_are_named_if_they_are_few(
    figures: Figures, countries: set[str], language: str, place: str
) -> None:
    """As a list; too many are "your jurisdiction"."""
    claims = Jurisdiction(frozenset(countries), frozenset(), (), ())
    agency = replace(figures.agency, jurisdiction=claims)
    assert place in _Page(_page(replace(figures, agency=agency), language)).text


def test_jurisdiction_of_networks_is_not_called_a_country(figures: Figures) -> None:
    """An agency that answers for networks or ranges has no country's figures."""
    agency = replace(
        figures.agency,
        jurisdiction=Jurisdiction(frozenset({"ES"}), frozenset({64500}), (), ()),
    )
    assert "Your jurisdiction: 160 servers" in _page(replace(figures, agency=agency), "en")


@pytest.mark.parametrize("language", written())
def test_zero_findings_render_sensibly(figures: Figures, language: str) -> None:
    """Good news is said plainly, with how many addresses it rests on; no bar, no division."""
    speech = speak(language)
    text = _Page(_page(_with(figures, _line(64500, "Altamar", 0)), language)).text
    assert speech.say("%(place)s: no open server was found", place=speech.country("ES")) in text
    assert speech.number(1000) in text
    assert "nan" not in text.lower().split()


@pytest.mark.parametrize("language", written())
def test_nothing_tested_is_not_good_news(figures: Figures, language: str) -> None:
    """A jurisdiction outside the plan is told so."""
    speech = speak(language)
    text = _Page(_page(_with(figures), language)).text
    assert speech.say("%(place)s: nothing was tested", place=speech.country("ES")) in text


def test_one_is_singular(figures: Figures) -> None:
    """One server is not "1 servers"; Arabic has words of its own for one and two."""

    def headline(servers: int, language: str) -> str:
        text = _Page(_page(_with(figures, _line(64500, "Altamar", servers)), language)).text
        return text.split("TLP:AMBER")[-2]

    assert "1 server is open to strangers" in headline(1, "en")
    assert "1 servidor está abierto a desconocidos" in headline(1, "es")
    assert "خادم واحد مفتوح" in headline(1, "ar")
    assert "خادمان مفتوحان" in headline(2, "ar")
    assert "21 сервер відкритий" in headline(21, "uk")
    assert "22 сервери відкриті" in headline(22, "uk")


def test_unfinished_run_says_so(figures: Figures) -> None:
    """Figures of a part of the plan are never taken for the whole."""
    part = replace(figures, coverage=replace(figures.coverage, committed=12))
    assert "This run is not finished: 12 of 64 parts" in _Page(_page(part, "en")).text
    assert "not finished" not in _page(figures, "en")


def test_run_that_never_began_renders(figures: Figures) -> None:
    """No receipt yet: no dates, no crash."""
    none = replace(figures.coverage, committed=0, started_at=None, finished_at=None)
    assert "0 of 64" in _Page(_page(replace(figures, coverage=none), "en")).text


def test_first_report_claims_no_change(figures: Figures) -> None:
    """Without an earlier run there is no line, no balance and no better or worse."""
    first = replace(
        figures, trend=figures.trend[-1:], compared=None, movements=(), flow=None, closures=()
    )
    text = _Page(_page(first, "en")).text
    assert "This is the first run" in text
    assert "There is no earlier run to compare with" in text
    assert "last time" not in text
    assert "Networks that got better" not in text


def test_changes_are_told(figures: Figures) -> None:
    """Change of the headline figure, the balance, who got better and worse, time to closure."""
    text = _Page(_page(figures, "en")).text
    for words in (
        "−12 against the last time (172)",
        "New proven for the first time +24",
        "Closed refused on two different days −29",
        "of these open already the last time: 150 169",
        "Cierzo Hosting AS64507 63 50 −13",
        "Lumbre Mobile AS64503 2 9 +7",
        "Operators told 266 186 11.0 – 13.5",
        "Not told 146 102 41.5 – 44.0",
        "Postfix 53",
    ):
        assert words in text, words


def test_rest_of_many_networks_is_one_row(figures: Figures) -> None:
    """The page stays a page: bars and rows are bounded, the rest is summed, nothing is lost."""
    many = tuple(_line(65000 + number, f"Network {number}", 60 - number) for number in range(40))
    text = _page(_with(figures, *many), "en")
    page = _Page(text)
    assert f"most affected networks: {RANKED} of 40" in page.text
    assert f"{40 - LISTED} other networks" in page.text
    assert "Network 24" in page.text
    assert "Network 25" not in page.text


def test_rate_is_given_per_a_readable_number(figures: Figures) -> None:
    """Three servers in ten million addresses are not "0.00 per 1,000"."""
    rare = _with(figures, _line(64500, "Altamar", 3, 10_000_000))
    assert "Open per 1,000,000" in _Page(_page(rare, "en")).text


def test_no_request_leaves_the_page(figures: Figures) -> None:
    """No script, image, frame, font or style from elsewhere; a policy forbids all but our style."""
    text = _page(figures, "es")
    page = _Page(text)
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"script", "img", "iframe", "link", "object", "embed", "form", "video"}
    assert "url(" not in text
    assert "@import" not in text
    assert not any("src" in attributes or "onload" in attributes for _, attributes in page.elements)
    policies = [
        meta["content"]
        for meta in page.all("meta")
        if meta.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policies == [
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
    ]


def test_page_is_accessible(figures: Figures) -> None:
    """One h1, landmarks, labelled regions, scoped headers, a way past the head."""
    page = _Page(_page(figures, "en"))
    tags = [tag for tag, _ in page.elements]
    assert (tags.count("h1"), tags.count("main"), tags.count("header"), tags.count("footer")) == (
        1,
        1,
        1,
        1,
    )
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    for section in page.all("section"):
        assert section["aria-labelledby"] in ids
    assert all(cell.get("scope") in {"row", "col"} for cell in page.all("th"))
    assert {"href": "#report", "class": "skip"} in page.all("a")


def test_marking_is_on_head_foot_and_every_printed_sheet(figures: Figures) -> None:
    """TLP 2.0: at head and foot, in capitals, with no space, at least 12 pt, in its colours."""
    text = _page(figures, "es")
    page = _Page(text)
    assert page.text.count("TLP:AMBER") == 3  # the title too
    assert text.count('content: "TLP:AMBER"; background: #000; color: #ffc000; font: 700 12pt') == 2
    assert "@top-right" in text
    assert "@bottom-right" in text


def test_strangers_words_do_nothing(figures: Figures) -> None:
    """A network's name can't open an element, close the style, or turn the line around."""
    hostile = '</style><script>alert(1)</script><img src=x onerror="x">\u202e\x1b[2J&amp;'
    page_text = _page(_with(figures, _line(64500, hostile, 4)), "en")
    page = _Page(page_text)
    assert not {tag for tag, _ in page.elements} & {"script", "img"}
    assert "<script" not in page_text
    assert "\u202e" not in page_text
    assert "\x1b" not in page_text
    assert "\\u202e" in page_text
    assert len(page.all("style")) == 1


def test_template_syntax_in_a_name_is_only_text(figures: Figures) -> None:
    """Names are values, never templates."""
    page = _page(_with(figures, _line(64500, "{{ 7 * 191 }}{% raw %}", 4)), "en")
    assert "1337" not in page
    assert "{{ 7 * 191 }}" in page


def _luminance(colour: str) -> float:
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: str, other: str) -> float:
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_colours_have_contrast_in_light_and_dark(figures: Figures) -> None:
    """WCAG 2.2 AA: 4.5 for text, 3 for bars; the two kinds of bar differ without colour too."""
    css = _page(figures, "en")
    schemes = [dict(re.findall(r"--([\w-]+): (#\w{6});", part)) for part in css.split(":root")[1:]]
    assert len(schemes) == 2
    assert all("told" in scheme and "untold" in scheme for scheme in schemes)
    for scheme in schemes:
        for ground in ("paper", "sheet"):
            for text in ("ink", "quiet", "accent"):
                assert _contrast(scheme[text], scheme[ground]) >= 4.5, (text, ground)
        assert _contrast(scheme["warn"], scheme["warn-sheet"]) >= 4.5
        for line in ("relay", "proxy", "told", "untold"):
            assert _contrast(scheme[line], scheme["paper"]) >= 3, line
        assert _contrast(scheme["relay"], scheme["proxy"]) >= 1.5
