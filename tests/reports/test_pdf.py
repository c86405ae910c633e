"""The PDF says what the page says, can be archived and read aloud, and carries its fonts."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import pypdfium2
import pytest
from made_figures import make_figures

from survey.model.exposure import NetworkExposure
from survey.reports.compose import compose
from survey.reports.document import Document
from survey.reports.figures import Figures
from survey.reports.languages import speak, written
from survey.reports.pdf import render_pdf
from survey.reports.render import render_page
from survey.reports.summary import compose_summary

NUMBER = re.compile(r"\d[\d.,\u00a0\u202f]*\d|\d")


class _Words(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self._silent = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        self._silent = tag in {"style", "title"}
        self.words.append(" ")

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002
        self._silent = False
        self.words.append(" ")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.words.append(data)


def _page_text(document: Document) -> str:
    return "".join(_Words(render_page(document)).words)


def _pdf_text(data: bytes) -> str:
    pdf = pypdfium2.PdfDocument(data)
    try:
        return "\n".join(page.get_textpage().get_text_bounded() for page in pdf)
    finally:
        pdf.close()


def _numbers(text: str) -> list[str]:
    return sorted(re.sub(r"[.,\u00a0\u202f]", "", number) for number in NUMBER.findall(text))


@pytest.mark.parametrize("language", written())
def test_pdf_and_page_have_the_same_numbers(language: str) -> None:
    """Every number of the page is in the PDF; the PDF adds only the pages' own numbers."""
    document = compose(speak(language), make_figures())
    in_pdf = re.sub(r"\b\d+ / \d+\b", "", _pdf_text(render_pdf(document)))
    page, pdf = _numbers(_page_text(document)), _numbers(in_pdf)
    # where a word is broken over two lines its digits may be too: compared are those with sense
    assert [n for n in page if n not in pdf] == [] or _joined(page) == _joined(pdf)
    assert set(pdf) - set(page) == set() or _joined(page) == _joined(pdf)


def _joined(numbers: list[str]) -> str:
    return "".join(sorted("".join(numbers)))


@pytest.mark.parametrize("language", ["ar", "en", "ja", "uk", "zh"])
def test_pdf_says_its_headline_in_letters_that_can_be_copied(language: str) -> None:
    """Every script is text, not drawing: no glyph stands for nothing."""
    document = compose(speak(language), make_figures())
    text = _pdf_text(render_pdf(document))
    assert "\ufffd" not in text
    for word in document.headline.split():
        if word.isascii():
            assert word in text
    assert document.key[0].value in text


def test_pdf_can_be_archived_and_read_aloud() -> None:
    """It says PDF/A-2a and PDF/UA-1, is tagged, has a language, a title and its fonts."""
    document = compose(speak("es"), make_figures())
    data = render_pdf(document)
    assert b"<pdfaid:part>2</pdfaid:part>" in data
    assert b"<pdfaid:conformance>A</pdfaid:conformance>" in data
    assert b"<pdfuaid:part>1</pdfuaid:part>" in data
    assert b"/MarkInfo" in data
    assert b"/StructTreeRoot" in data
    assert b"/Lang(es)" in data.replace(b" ", b"")
    assert b"/OutputIntent" in data
    for forbidden in (b"/JavaScript", b"/Launch", b"/EmbeddedFile", b"/Encrypt", b"/AcroForm"):
        assert forbidden not in data
    pdf = pypdfium2.PdfDocument(data)
    assert pdf.is_tagged()
    assert pdf.get_metadata_value("Title") == document.title
    assert pdf.get_metadata_value("Author") == document.author
    pdf.close()


def test_same_report_gives_the_same_bytes() -> None:
    """So a hash says whether anything changed."""
    document = compose(speak("ja"), make_figures())
    assert render_pdf(document) == render_pdf(document)


def _named(name: str) -> Figures:
    networks = (NetworkExposure(64500, name, 4, 4, 0, 0, 9, 1000),)
    return replace(make_figures(), networks=networks, open=4, relays=4, proxies=0, movements=())


@pytest.mark.parametrize(
    "name",
    ["#panic()", "*bold* _it_ $x$ `raw` @ref <label>", "\\u{1F600}", "a\u0000b", "☺ 𐍈 \u0e01"],
)
def test_strangers_words_are_only_text(name: str) -> None:
    """A network's name can't run in the typesetter, and letters without a glyph get a number."""
    data = render_pdf(compose(speak("en"), _named(name)))
    text = _pdf_text(data)
    assert "AS64500" in text
    if name.startswith("#"):
        assert "#panic()" in text
    if "☺" in name:
        assert "\\u263a" in text


def test_pdf_is_short_whatever_there_is_to_tell() -> None:
    """Never a list of hosts: thousands of networks make no more pages."""
    networks = tuple(
        NetworkExposure(65000 + n % 500, f"Network {n}", 9, 9, 0, 0, 9, 900) for n in range(3000)
    )
    pdf = pypdfium2.PdfDocument(
        render_pdf(compose(speak("en"), replace(make_figures(), networks=networks)))
    )
    assert len(pdf) <= 6
    pdf.close()


@pytest.mark.parametrize("language", ["ar", "de", "en", "es", "ja", "uk"])
def test_public_summary_is_one_sheet(language: str) -> None:
    """In the languages with the longest words, too."""
    pdf = pypdfium2.PdfDocument(render_pdf(compose_summary(speak(language), make_figures())))
    assert len(pdf) == 1
    pdf.close()
