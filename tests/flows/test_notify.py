"""A preview is the whole message, to the right reader, in the right name, and goes nowhere."""

import json
import stat
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import cast

import pytest
from judged_run import JudgedRun, make_judged_run

from survey.analysis.open_servers import Wanted
from survey.errors import ConfigError, MessageError, StorageError
from survey.flows.notify import Preview, parse_finding, preview_letter
from survey.model.address import Range, parse_ip
from survey.model.probe import Probe
from survey.targets.optouts import add

NOW = datetime(2026, 11, 26, 8, 30, tzinfo=UTC)


@pytest.fixture
def judged_run(tmp_path: Path) -> JudgedRun:
    """A run with something open in two countries, two networks and a gap."""
    return make_judged_run(tmp_path)


def _message(preview: Preview) -> EmailMessage:
    return cast("EmailMessage", message_from_bytes(preview.path.read_bytes(), policy=SMTP))


def test_best_proven_finding_is_taken(judged_run: JudgedRun) -> None:
    """Without a wish: the highest rung, a relay first, the lowest address."""
    preview = preview_letter(judged_run.settings, "2026-W48", now=NOW)
    message = _message(preview)
    assert "192.0.2.7" in message["Subject"]
    assert message["To"].addresses[0].addr_spec == "abuse@altamar.example"
    assert message["From"].addresses[0].addr_spec == "desk@survey.example"
    assert message["From"].addresses[0].display_name == "Agency es-prueba"
    assert (preview.language, preview.agency, preview.case) == (
        "es",
        "es-prueba",
        "OSYS-2026-PREVIEW",
    )


def test_preview_says_that_it_is_one(judged_run: JudgedRun) -> None:
    """Subject, header and first line; nobody can take it for a letter."""
    preview = preview_letter(judged_run.settings, "2026-W48", now=NOW)
    message = _message(preview)
    assert message["Subject"].startswith("[VISTA PREVIA]")
    assert message["X-Survey-Preview"] == "not sent"
    assert preview.text.startswith("VISTA PREVIA: esta carta no se ha enviado a nadie")


def test_preview_says_what_stands_in_the_way_of_sending(judged_run: JudgedRun) -> None:
    """One proof is enough to look at a letter, not to send it."""
    preview = preview_letter(judged_run.settings, "2026-W48", now=NOW)
    assert "R6" in preview.obstacle
    assert "survey retest" in preview.obstacle


def test_listings_are_named_and_dated(judged_run: JudgedRun) -> None:
    """Every public database that names the address."""
    text = preview_letter(judged_run.settings, "2026-W48", now=NOW).text
    assert "Según varias bases de datos públicas" in text
    assert "relays.lists.example, desde el 2026-10-01" in text
    assert "open.lists.example" in text


def test_closest_agency_signs_and_its_language_is_second(judged_run: JudgedRun) -> None:
    """A network is closer than a country; contact and agency read Icelandic, so it is English."""
    preview = preview_letter(
        judged_run.settings, "2026-W48", finding="192.0.2.200:1080/socks5", now=NOW
    )
    assert (preview.agency, preview.language) == ("xx-net", "en")
    assert "No public database pointed us to it" in preview.text


def test_language_and_case_can_be_chosen(judged_run: JudgedRun) -> None:
    """The options win."""
    preview = preview_letter(
        judged_run.settings, "2026-W48", language="en", case="OSYS-2026-000123", now=NOW
    )
    assert preview.language == "en"
    assert "(case OSYS-2026-000123)" in preview.subject


def test_registrys_mailbox_gets_no_letter(judged_run: JudgedRun) -> None:
    """The contact of the foreign range is a registry."""
    with pytest.raises(MessageError, match="is a registry's mailbox"):
        preview_letter(judged_run.settings, "2026-W48", finding="198.51.100.7", now=NOW)


def test_address_without_contact_gets_no_letter(judged_run: JudgedRun) -> None:
    """Nobody is guessed."""
    with pytest.raises(MessageError, match="names a contact"):
        preview_letter(judged_run.settings, "2026-W48", finding="203.0.113.5", now=NOW)


def test_address_without_agency_gets_no_letter(judged_run: JudgedRun) -> None:
    """A letter carries an agency's name or is not written."""
    for path in judged_run.settings.agencies.glob("xx-*.toml"):
        path.unlink()
    with pytest.raises(MessageError, match="no participating agency"):
        preview_letter(judged_run.settings, "2026-W48", finding="203.0.113.5", now=NOW)


@pytest.mark.parametrize("finding", ["192.0.2.201", "192.0.2.202:25", "192.0.2.7:1080/socks5"])
def test_what_is_not_proven_gets_no_letter(judged_run: JudgedRun, finding: str) -> None:
    """Suspected, closed, and never found."""
    with pytest.raises(MessageError, match="no such finding is proven"):
        preview_letter(judged_run.settings, "2026-W48", finding=finding, now=NOW)


def test_who_opted_out_gets_no_letter(judged_run: JudgedRun) -> None:
    """An opt-out since the judgement counts."""
    ip = parse_ip("192.0.2.7")
    add(judged_run.optouts, (Range(ip, ip),), "owner", "by phone", NOW, NOW)
    with pytest.raises(MessageError, match="no such finding"):
        preview_letter(judged_run.settings, "2026-W48", finding="192.0.2.7", now=NOW)


def test_message_is_private_audited_and_repeatable(judged_run: JudgedRun) -> None:
    """0600 in 0700; an audit line without the address; the same bytes every time."""
    preview = preview_letter(judged_run.settings, "2026-W48", now=NOW)
    first = preview.path.read_bytes()
    assert stat.S_IMODE(preview.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(preview.path.parent.stat().st_mode) == 0o700
    assert preview.path.parent == judged_run.layout.letters("trial")
    line = json.loads(judged_run.layout.audit.read_text(encoding="utf-8"))
    assert line["what"] == "letter preview"
    assert "192.0.2" not in line["filter"]
    assert preview_letter(judged_run.settings, "2026-W48", now=NOW).path.read_bytes() == first


def test_hostile_banner_stays_in_its_quote(judged_run: JudgedRun) -> None:
    """A banner with a header and an element in it adds neither."""
    preview = preview_letter(judged_run.settings, "2026-W48", now=NOW)
    message = _message(preview)
    assert "Bcc" not in message
    assert "  > 220 <img src=x> ready" in preview.text
    assert "  > Bcc: victim\\x40operator.example" in preview.text
    html = cast("EmailMessage", list(message.iter_parts())[1]).get_content()
    assert "<img" not in html
    assert "&lt;img" in html


def test_run_that_is_not_judged_is_refused(judged_run: JudgedRun) -> None:
    """No verdict, no letter."""
    judged_run.layout.run("trial", "2026-W48").findings.unlink()
    with pytest.raises(StorageError, match="judge the run first"):
        preview_letter(judged_run.settings, "2026-W48")


def test_unknown_language_is_refused_with_those_written(judged_run: JudgedRun) -> None:
    """The cure lists them."""
    with pytest.raises(ConfigError, match=r"there are: .*en, es"):
        preview_letter(judged_run.settings, "2026-W48", language="tlh")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (None, Wanted()),
        ("192.0.2.7", Wanted(parse_ip("192.0.2.7"))),
        ("192.0.2.7:25", Wanted(parse_ip("192.0.2.7"), 25)),
        ("192.0.2.7:1080/socks5", Wanted(parse_ip("192.0.2.7"), 1080, Probe.SOCKS5)),
    ],
)
def test_finding_is_read(text: str | None, wanted: Wanted) -> None:
    """Port and probe may be left out."""
    assert parse_finding(text) == wanted


@pytest.mark.parametrize(
    "text",
    ["", "mail.example", "192.0.2.7:0", "192.0.2.7:99999", "192.0.2.7:25/smtp", "192.0.2.777"],
)
def test_broken_finding_is_refused(text: str) -> None:
    """One line says how it is written."""
    with pytest.raises(ConfigError, match=r"write it as 192\.0\.2\.7:1080/socks5"):
        parse_finding(text)


def test_letter_on_paper_lies_beside_its_message(judged_run: JudgedRun) -> None:
    """As private as that, and only if it is asked for."""
    plain = preview_letter(judged_run.settings, "2026-W48", now=NOW)
    preview = preview_letter(judged_run.settings, "2026-W48", paper=True, now=NOW)

    assert plain.pdf is None
    assert preview.pdf == preview.path.with_suffix(".pdf")
    assert preview.pdf.read_bytes().startswith(b"%PDF-1.7")
    assert preview.pdf.stat().st_mode & 0o777 == 0o600
