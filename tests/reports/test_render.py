"""The page is whole, self-contained, accessible, and no stranger's word acts in it."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from made_figures import make_figures

from survey.model.agency import Jurisdiction
from survey.model.exposure import NetworkExposure
from survey.reports.figures import Figures
from survey.reports.languages import written
from survey.reports.render import LISTED, RANKED, render_page

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
        return " ".join(" ".join(self.words).split())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


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
    )


@pytest.mark.parametrize("language", written())
def test_page_says_everything_in_every_language(figures: Figures, language: str) -> None:
    """Agency, period, marking, figures, coverage, sources, plan and time are all there."""
    text = render_page(figures, language)
    page = _Page(text)
    assert page.all("html") == [{"lang": language}]
    for fact in (
        figures.agency.name,
        figures.run,
        "TLP:AMBER",
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
        "08:30 UTC",
        "survey 0.1.0",
    ):
        assert fact in page.text, fact
    planned = {"en": "1,048,576", "es": "1.048.576"}[language]
    assert planned in page.text


def test_headline_is_a_sentence_a_person_understands(figures: Figures) -> None:
    """It counts servers and names the place in the reader's language."""
    assert (
        "160 servidores en España están abiertos a desconocidos"
        in _Page(render_page(figures, "es")).text
    )
    assert "160 servers in Spain are open to strangers" in _Page(render_page(figures, "en")).text


@pytest.mark.parametrize(
    ("countries", "language", "place"),
    [
        ({"US"}, "en", "160 servers in the United States are open"),
        ({"ES", "PT"}, "en", "160 servers in Spain and Portugal are open"),
        ({"GB", "DO", "ES"}, "es", "en la República Dominicana, España y el Reino Unido"),
        ({"ES", "FR", "GB", "PT"}, "es", "160 servidores en su ámbito"),
    ],
)
def test_countries_stand_in_the_sentence_as_the_language_wants(
    figures: Figures, countries: set[str], language: str, place: str
) -> None:
    """With their article, and as a list; too many are "your jurisdiction"."""
    claims = Jurisdiction(frozenset(countries), frozenset(), (), ())
    agency = replace(figures.agency, jurisdiction=claims)
    assert place in _Page(render_page(replace(figures, agency=agency), language)).text


def test_jurisdiction_of_networks_is_not_called_a_country(figures: Figures) -> None:
    """An agency that answers for networks or ranges has no country's figures."""
    agency = replace(
        figures.agency,
        jurisdiction=Jurisdiction(frozenset({"ES"}), frozenset({64500}), (), ()),
    )
    assert "in your jurisdiction are open" in render_page(replace(figures, agency=agency), "en")


@pytest.mark.parametrize("language", written())
def test_zero_findings_render_sensibly(figures: Figures, language: str) -> None:
    """Good news is said plainly, with how many addresses it rests on; no bar, no division."""
    text = _Page(render_page(_with(figures, _line(64500, "Altamar", 0)), language)).text
    assert {"en": "No open mail relay", "es": "No se ha encontrado ningún"}[language] in text
    assert {"en": "1,000 addresses", "es": "1.000 direcciones"}[language] in text
    assert "nan" not in text.lower().split()


@pytest.mark.parametrize("language", written())
def test_nothing_tested_is_not_good_news(figures: Figures, language: str) -> None:
    """A jurisdiction outside the plan is told so."""
    text = _Page(render_page(_with(figures), language)).text
    assert {"en": "Nothing in Spain was tested", "es": "No se ha comprobado ninguna"}[
        language
    ] in text


@pytest.mark.parametrize("language", written())
def test_one_is_singular(figures: Figures, language: str) -> None:
    """One server is not "1 servers"."""
    text = _Page(render_page(_with(figures, _line(64500, "Altamar", 1)), language)).text
    assert {"en": "One server in Spain is open", "es": "Un servidor en España está abierto"}[
        language
    ] in text


def test_unfinished_run_says_so(figures: Figures) -> None:
    """Figures of a part of the plan are never taken for the whole."""
    part = replace(figures, coverage=replace(figures.coverage, committed=12))
    assert "This run is not finished: 12 of 64 parts" in _Page(render_page(part, "en")).text
    assert "not finished" not in render_page(figures, "en")


def test_run_that_never_began_renders(figures: Figures) -> None:
    """No receipt yet: no dates, no crash."""
    none = replace(figures.coverage, committed=0, started_at=None, finished_at=None)
    assert "0 of 64" in _Page(render_page(replace(figures, coverage=none), "en")).text


def test_rest_of_many_networks_is_one_row(figures: Figures) -> None:
    """The page stays a page: bars and rows are bounded, the rest is summed, nothing is lost."""
    many = tuple(_line(65000 + number, f"Network {number}", 60 - number) for number in range(40))
    text = render_page(_with(figures, *many), "en")
    page = _Page(text)
    assert f"the {RANKED} most affected of 40 networks" in page.text
    assert f"{40 - LISTED} other networks" in page.text
    assert "Network 24" in page.text
    assert "Network 25" not in page.text


def test_rate_is_given_per_a_readable_number(figures: Figures) -> None:
    """Three servers in ten million addresses are not "0.00 per 1,000"."""
    rare = _with(figures, _line(64500, "Altamar", 3, 10_000_000))
    assert "0.30 per 1,000,000" in _Page(render_page(rare, "en")).text


def test_no_request_leaves_the_page(figures: Figures) -> None:
    """No script, image, frame, font or style from elsewhere; a policy forbids all but our style."""
    text = render_page(figures, "es")
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
    page = _Page(render_page(figures, "en"))
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
    text = render_page(figures, "es")
    page = _Page(text)
    assert page.text.count("TLP:AMBER") == 3  # the title too
    assert text.count('content: "TLP:AMBER"; background: #000; color: #ffc000; font: 700 12pt') == 2
    assert "@top-right" in text
    assert "@bottom-right" in text


def test_strangers_words_do_nothing(figures: Figures) -> None:
    """A network's name can't open an element, close the style, or turn the line around."""
    hostile = '</style><script>alert(1)</script><img src=x onerror="x">\u202e\x1b[2J&amp;'
    page_text = render_page(_with(figures, _line(64500, hostile, 4)), "en")
    page = _Page(page_text)
    assert not {tag for tag, _ in page.elements} & {"script", "img"}
    assert "<script" not in page_text
    assert "\u202e" not in page_text
    assert "\x1b" not in page_text
    assert "\\u202e" in page_text
    assert len(page.all("style")) == 1


def test_template_syntax_in_a_name_is_only_text(figures: Figures) -> None:
    """Names are values, never templates."""
    page = render_page(_with(figures, _line(64500, "{{ 7 * 191 }}{% raw %}", 4)), "en")
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
    css = render_page(figures, "en")
    schemes = [dict(re.findall(r"--([\w-]+): (#\w{6});", part)) for part in css.split(":root")[1:]]
    assert len(schemes) == 2
    for scheme in schemes:
        for ground in ("paper", "sheet"):
            for text in ("ink", "quiet", "accent"):
                assert _contrast(scheme[text], scheme[ground]) >= 4.5, (text, ground)
        assert _contrast(scheme["warn"], scheme["warn-sheet"]) >= 4.5
        assert _contrast(scheme["relay"], scheme["paper"]) >= 3
        assert _contrast(scheme["proxy"], scheme["paper"]) >= 3
        assert _contrast(scheme["relay"], scheme["proxy"]) >= 1.5
