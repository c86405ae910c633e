"""The first notice in every language is whole, narrow, calm, and says every fact of the operation.

The letters as they were last read and approved lie in ``tests/notify/letters``.  After a wanted
change: ``SURVEY_APPROVE_LETTERS=1 pytest tests/notify``, read the difference, commit it.
"""

import os
import re
import tomllib
from dataclasses import replace
from datetime import UTC, datetime
from itertools import product
from pathlib import Path

import pytest
from jinja2 import UndefinedError
from made_notice import make_notice

from survey.closing.instructions import ROUTER, closings
from survey.mail.message import build_message
from survey.model.probe import Probe
from survey.model.site import agencies_page, closing_page
from survey.model.verdict import Rung
from survey.notify import letter as letters
from survey.notify.letter import address_letter, write_letter, written
from survey.notify.notice import Notice
from survey.notify.wrapping import columns

APPROVED = Path(__file__).parent / "letters"
KINDS = (
    (Probe.SMTP_RELAY, Rung.R6),
    (Probe.HTTP_CONNECT, Rung.R6),
    (Probe.SOCKS5, Rung.R5),
    (Probe.SOCKS4, Rung.R7),
    (Probe.SOCKS4A, Rung.R6),
)
EVERY = [(language, probe, rung) for language, (probe, rung) in product(written(), KINDS)]
# Every program's steps in English, and each shape of instructions in every language.
SHAPES = ("postfix", "sendmail", "qmail", "exchange", "microsocks", "ccproxy")
PROGRAMS = sorted(
    {*product(written(), SHAPES), *(("en", software) for software in closings())} - {("en", ROUTER)}
)

# The facts of the source document, the same in every language, and each language's words for them.
EVERYWHERE = {
    "the address is named": "192.0.2.7",
    "exit": "198.51.100.9",
    "times": "2026-11-24 06:30:09 UTC",
}
TOLD = {
    language: tomllib.loads((Path(__file__).parent / "facts" / f"{language}.toml").read_text())
    for language in written()
}
SITE = {
    language: {
        "agencies' list": agencies_page("https://survey.example/", language),
        "closing steps": closing_page("https://survey.example/", language=language) + "/",
    }
    for language in written()
}
FACTS = {language: told["facts"] | EVERYWHERE | SITE[language] for language, told in TOLD.items()}
WORDS = {language: told["words"] for language, told in TOLD.items()}


def letters_only(text: str) -> str:
    """Without what stands between words, or only tells which way they run."""
    return re.sub(r"[\s\u200f\u2066\u2069]", "", text)


@pytest.mark.parametrize(("language", "probe", "rung"), EVERY)
def test_letter_is_as_approved(language: str, probe: Probe, rung: Rung) -> None:
    """A changed word is seen and read before it can reach anybody."""
    letter = write_letter(make_notice(probe, rung), language)
    path = APPROVED / f"first_notice.{probe}.{language}.txt"
    content = f"{letter.subject}\n\n{letter.text}"
    if os.environ.get("SURVEY_APPROVE_LETTERS"):
        path.write_text(content, encoding="utf-8")
    assert content == path.read_text(encoding="utf-8")


@pytest.mark.parametrize(("language", "probe", "rung"), EVERY)
def test_letter_says_every_fact(language: str, probe: Probe, rung: Rung) -> None:
    """The table of the mission, in each language and for each kind of server."""
    words = letters_only(write_letter(make_notice(probe, rung), language).text)
    missing = [fact for fact, said in FACTS[language].items() if letters_only(said) not in words]
    assert not missing


@pytest.mark.parametrize("language", written())
def test_software_is_named_only_if_it_names_itself(language: str) -> None:
    """A guess from its ways could be wrong, and the reader would rightly doubt the rest."""
    named = make_notice(Probe.SMTP_RELAY)
    guessed = replace(named, server=replace(named.server, software_named=False))

    assert "Postfix 3.7.11" in write_letter(named, language).text
    assert "3.7.11" not in write_letter(guessed, language).text


@pytest.mark.parametrize(("language", "probe", "rung"), EVERY)
def test_text_is_at_most_72_columns(language: str, probe: Probe, rung: Rung) -> None:
    """Readable in any mail reader, quoted or not."""
    text = write_letter(make_notice(probe, rung, preview=True), language).text
    assert [line for line in text.splitlines() if columns(line) > 72] == []


@pytest.mark.parametrize("language", written())
def test_subject_asks_and_names_case_and_address(language: str) -> None:
    """The ask, the kind, the address, the case and the marking."""
    subject = write_letter(make_notice(), language).subject
    for part in ("TLP:AMBER", "192.0.2.7", "OSYS-2026-000123"):
        assert part in subject
    assert WORDS[language]["ask"] in subject


@pytest.mark.parametrize("language", written())
def test_unlisted_server_says_how_it_was_found(language: str) -> None:
    """No public database is named if there is none."""
    notice = replace(make_notice(), listings=())
    words = letters_only(write_letter(notice, language).text)
    assert letters_only(FACTS[language]["public databases"]) not in words
    assert letters_only(WORDS[language]["unlisted"]) in words


@pytest.mark.parametrize("language", written())
def test_one_listing_is_singular(language: str) -> None:
    """One database is not several."""
    notice = make_notice()
    text = write_letter(replace(notice, listings=notice.listings[:1]), language).text
    assert letters_only(WORDS[language]["one"]) in letters_only(text)


@pytest.mark.parametrize("language", written())
def test_proxy_without_a_way_to_mail_is_not_said_to_send_mail(language: str) -> None:
    """R5: the tunnel is proven, mail through it is not."""
    proven = write_letter(make_notice(Probe.SOCKS5, Rung.R6), language).text
    tunnel = write_letter(make_notice(Probe.SOCKS5, Rung.R5), language).text
    phrase = WORDS[language]["mail"]
    assert letters_only(phrase) in letters_only(proven)
    assert letters_only(phrase) not in letters_only(tunnel)


@pytest.mark.parametrize("language", written())
def test_letter_does_not_threaten(language: str) -> None:
    """No legal demand is implied, nobody is blamed (calm letters are acted upon)."""
    text = write_letter(make_notice(), language).text.lower()
    for word in (
        *("illegal", "liable", "lawsuit", "penalt", "immediately", "deadline", "must ", "urgent"),
        *("ilegal", "multa", "sanci", "demanda", "inmediatamente", "plazo", "urgente", "denuncia"),
    ):
        assert word not in text, word


@pytest.mark.parametrize(("language", "software"), PROGRAMS)
def test_steps_for_a_program_are_as_approved(language: str, software: str) -> None:
    """Each program that names itself gets its own three steps, at most 72 columns wide."""
    closing = closings()[software]
    notice = make_notice(closing.closes[0])
    notice = replace(notice, server=replace(notice.server, software=software, software_named=True))
    text = write_letter(notice, language).text
    title = WORDS[language]["close"]
    steps = text.partition(f"\n{title}\n")[2].partition(SITE[language]["closing steps"])[0]
    path = APPROVED / f"steps.{software}.{language}.txt"
    if os.environ.get("SURVEY_APPROVE_LETTERS"):
        path.write_text(steps, encoding="utf-8")

    assert steps == path.read_text(encoding="utf-8")
    assert [line for line in text.splitlines() if columns(line) > 72] == []
    assert all(f"\n{number}. " in steps for number in (1, 2, 3))


@pytest.mark.parametrize("language", written())
def test_a_guessed_program_gets_the_general_steps(language: str) -> None:
    """Nobody is told to change the files of a program that may not be theirs."""
    named = make_notice()
    guessed = replace(named, server=replace(named.server, software_named=False))

    assert "postfix reload" in write_letter(named, language).text
    assert "postfix reload" not in write_letter(guessed, language).text


def test_every_language_is_whole() -> None:
    """Each has its subject, body and closing steps for every kind of server."""
    root = Path(letters.__file__).parent / "letters"
    names = {path.name for path in (root / "closing" / "en").iterdir()}
    for language in written():
        assert {path.name for path in (root / "first_notice" / language).iterdir()} == {
            "subject.txt",
            "body.txt",
        }
        assert {path.name for path in (root / "closing" / language).iterdir()} == names


def test_fact_that_is_missing_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gap in a letter is never sent as an empty place."""
    facts = letters._facts

    def fewer(notice: Notice, language: str) -> dict[str, object]:
        found = facts(notice, language)
        return {name: fact for name, fact in found.items() if name != "last_seen"}

    monkeypatch.setattr(letters, "_facts", fewer)
    with pytest.raises(UndefinedError, match="last_seen"):
        write_letter(make_notice(), "en")


@pytest.mark.parametrize("language", written())
def test_strangers_words_stay_words(language: str) -> None:
    """A network, listing or banner made to break out adds no line, element, header or link."""
    hostile = "x\r\n# Heading\r\nBcc: v@operator.example <script>{{ 7 * 191 }}\u202e"
    notice = make_notice()
    notice = replace(
        notice,
        server=replace(
            notice.server,
            network=hostile,
            banner=f"{hostile}\r\n\r\n- item https://evil.example/".encode(),
        ),
        listings=(replace(notice.listings[0], name=hostile),),
        contact=replace(notice.contact, name=hostile),
    )
    letter = write_letter(notice, language)
    plain = write_letter(make_notice(), language)
    assert "1337" not in letter.text
    assert "\u202e" not in letter.text + letter.html
    assert "<script" not in letter.html
    assert letter.html.count("<h2>") == plain.html.count("<h2>")
    assert letter.html.count("<a ") == plain.html.count("<a ")
    message = build_message(address_letter(letter, notice, datetime(2026, 11, 26, tzinfo=UTC)))
    assert "Bcc" not in message


def test_message_is_from_the_operation_in_the_agencys_name() -> None:
    """Our domain, so that it aligns; the agency's name; answers go to the staffed desk."""
    notice = make_notice()
    mail = address_letter(
        write_letter(notice, "es"), notice, datetime(2026, 11, 26, 8, 30, tzinfo=UTC)
    )
    message = build_message(mail)
    assert str(message["From"]) == "Agencia Ejemplar de Correo Limpio <desk@survey.example>"
    assert message["Reply-To"] == "desk@survey.example"
    assert message["Message-ID"].startswith("<osys-2026-000123.first-notice.")
    assert message["Message-ID"].endswith("@survey.example>")
    assert message["X-Survey-Case"] == "OSYS-2026-000123"
    assert message["X-Survey-Preview"] is None
