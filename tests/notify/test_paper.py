"""A letter on paper says what its mail says, can be archived and read aloud, and has one logo."""

import re
import unicodedata
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import SMTP
from pathlib import Path

import pypdfium2
import pytest
from made_notice import make_case, make_notice

from survey.errors import ConfigError
from survey.mail.message import build_message
from survey.model.experiment import Medium
from survey.model.letter import LetterKind
from survey.model.probe import Probe
from survey.notify import letter as letters
from survey.notify.letter import address_letter, letter_pdf, write_letter, written
from survey.notify.notice import Notice
from survey.typesetting.pdf import covered

EVERY = [(kind, language) for kind in LetterKind for language in written(kind)]
NOW = datetime(2026, 11, 26, 8, 30, tzinfo=UTC)
LOGO = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 10">'
    '<rect width="40" height="10" fill="#0f4c5c"/></svg>'
)


def read(data: bytes) -> tuple[str, list[str]]:
    """Words of all pages, and where their links lead."""
    pdf = pypdfium2.PdfDocument(data)
    try:
        words = "\n".join(page.get_textpage().get_text_bounded() for page in pdf)
    finally:
        pdf.close()
    links = re.findall(rb"/URI ?\(([^)]*)\)", data)
    return words, sorted({link.decode() for link in links})


def letters_only(text: str) -> set[str]:
    """Runs of letters, and of digits: how they are set apart is the page's affair."""
    return set(re.findall(r"[^\W\d_]{3,}|[0-9]+", unicodedata.normalize("NFKC", text)))


@pytest.mark.parametrize(("kind", "language"), EVERY)
def test_our_fonts_have_every_sign_of_a_letter(kind: LetterKind, language: str) -> None:
    """Else its number would be shown in its place."""
    text = write_letter(replace(make_case(kind), bounced=True), language).text
    assert {hex(ord(sign)) for sign in text if ord(sign) not in covered()} - {"0xa"} == set()


def check_paper(notice: Notice, language: str) -> None:
    """Every number of the mail is on it, and the links that can be read."""
    letter = write_letter(notice, language)
    words, links = read(letter_pdf(notice, language))
    assert set(re.findall(r"[0-9]+", letter.text)) <= set(re.findall(r"[0-9]+", words))
    assert "\ufffd" not in words
    shown = {link for link in letter.links if f"  {link}\n" in letter.text}
    assert set(links) == shown | {notice.agency.page}


@pytest.mark.parametrize("language", written())
def test_paper_says_what_the_mail_says(language: str) -> None:
    """In every language and script."""
    check_paper(make_notice(), language)


@pytest.mark.parametrize("kind", LetterKind)
def test_every_kind_of_letter_is_on_paper(kind: LetterKind) -> None:
    """In both directions of writing."""
    for language in ("ar", "es"):
        check_paper(make_case(kind), language)


@pytest.mark.long
@pytest.mark.parametrize(("kind", "language"), EVERY)
def test_every_letter_is_on_paper(kind: LetterKind, language: str) -> None:
    """All kinds in all languages, for relays and proxies."""
    for probe in (Probe.SMTP_RELAY, Probe.HTTP_CONNECT, Probe.SOCKS5):
        check_paper(make_case(kind, probe), language)


@pytest.mark.parametrize("language", ["en", "es", "de", "pl", "tr", "bg", "sr", "lt"])
def test_words_on_paper_are_text(language: str) -> None:
    """They can be searched and copied."""
    notice = make_notice(Probe.SOCKS5)
    words, _ = read(letter_pdf(notice, language))
    missing = letters_only(write_letter(notice, language).text) - letters_only(words)
    assert not missing


def test_paper_can_be_archived_and_read_aloud() -> None:
    """It says PDF/A-2a and PDF/UA-1, is tagged, has a language, a title, and the agency's name."""
    data = letter_pdf(make_notice(), "es")
    for said in (
        b"<pdfaid:part>2</pdfaid:part>",
        b"<pdfaid:conformance>A</pdfaid:conformance>",
        b"<pdfuaid:part>1</pdfuaid:part>",
        b"/StructTreeRoot",
    ):
        assert said in data
    assert b"/Lang(es)" in data.replace(b" ", b"")
    for forbidden in (b"/JavaScript", b"/Launch", b"/EmbeddedFile", b"/Encrypt", b"/AcroForm"):
        assert forbidden not in data
    pdf = pypdfium2.PdfDocument(data)
    assert pdf.get_metadata_value("Title") == (
        "Le pedimos que cierre el relé de correo abierto en 192.0.2.7 (caso OSYS-2026-000123)"
    )
    assert pdf.get_metadata_value("Author") == "Agencia Ejemplar de Correo Limpio"
    pdf.close()


def test_same_letter_gives_the_same_bytes() -> None:
    """What was approved can be compared with what goes out."""
    assert letter_pdf(make_notice(), "ja") == letter_pdf(make_notice(), "ja")


def test_head_names_the_agency_and_the_reader(tmp_path: Path) -> None:
    """With its page, mailbox and logo."""
    notice = make_notice()
    logo = tmp_path / "logo.svg"
    logo.write_text(LOGO, encoding="utf-8")
    with_logo = replace(notice, agency=replace(notice.agency, logo=logo))
    words, _ = read(letter_pdf(with_logo, "en"))

    assert words.count("Agencia Ejemplar de Correo Limpio") > 2
    for said in (notice.agency.contact, notice.agency.page, "abuse@altamar.example", "2026-11-24"):
        assert said in words
    assert letter_pdf(with_logo, "en") != letter_pdf(notice, "en")


def test_unusable_logo_is_an_error_that_names_its_file(tmp_path: Path) -> None:
    """No letter goes out under half a head."""
    notice = make_notice()
    agency = replace(notice.agency, logo=tmp_path / "gone.png")
    with pytest.raises(ConfigError, match=r"gone\.png: logo: can't be read"):
        letter_pdf(replace(notice, agency=agency), "en")


def test_paper_goes_with_the_mail_only_if_the_lot_says_so() -> None:
    """As one file beside text and HTML."""
    notice = make_notice()
    letter = write_letter(notice, "es")
    plain = build_message(address_letter(letter, notice, NOW))
    assert plain.get_content_type() == "multipart/alternative"

    told = replace(notice, medium=Medium.PDF)
    message = message_from_bytes(
        build_message(address_letter(letter, told, NOW)).as_bytes(), policy=SMTP
    )
    words, paper = message.iter_parts()
    assert message.get_content_type() == "multipart/mixed"
    assert [part.get_content_type() for part in words.iter_parts()] == ["text/plain", "text/html"]
    assert paper.get_filename() == "OSYS-2026-000123.pdf"
    assert paper.get_content_type() == "application/pdf"
    assert paper.get_payload(decode=True) == letter_pdf(notice, "es")


def test_a_long_case_stays_a_letter() -> None:
    """Fifty further servers are a table that runs over pages."""
    pdf = pypdfium2.PdfDocument(letter_pdf(make_case(LetterKind.FIRST_NOTICE, others=60), "en"))
    assert len(pdf) <= 5
    pdf.close()


def test_every_template_is_of_the_package() -> None:
    """What is installed has it."""
    assert (Path(letters.__file__).parent / "page" / "letter.typ").is_file()
