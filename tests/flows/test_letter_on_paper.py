"""A letter on paper: attached as the lot drew it, its steps first; or printed to be posted."""

import email
from datetime import timedelta
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import cast

import pypdfium2
import pytest
from judged_run import IP
from made_cases import NOW, Office, made_post, make_office

from survey.errors import MessageError
from survey.flows.letter_content import Means
from survey.flows.letter_paper import Papers
from survey.flows.letter_plan import plan_letters
from survey.model.address import parse_ip
from survey.model.agency import Agency
from survey.model.experiment import Draw, Medium, Wording


def _drawn(agency: Agency, campaign: str, number: str, now: object) -> Draw:  # noqa: ARG001 - as the real one
    return Draw("arms", NOW, medium=Medium.PDF, wording=Wording.STEPS_FIRST)


async def _sent(office: Office, folder: Path) -> EmailMessage:
    office.approve_all()
    post = made_post(folder)
    await office.send(post)
    ((_, _, data),) = post.taken
    return cast("EmailMessage", email.message_from_bytes(data, policy=SMTP))


def _office(folder: Path) -> Office:
    office = make_office(folder)
    office.judge(row for row in office.findings() if row["ip"] == parse_ip(IP["relay"]))
    return office


async def test_what_was_drawn_is_what_goes_out(tmp_path: Path) -> None:
    """Approved with its attachment, byte for byte."""
    office = _office(tmp_path)
    plan_letters(office.desk(), Means(office.key), _drawn, NOW)
    message = await _sent(office, tmp_path)
    words, paper = message.iter_parts()

    assert paper.get_content_type() == "application/pdf"
    assert cast("bytes", paper.get_payload(decode=True)).startswith(b"%PDF-1.7")
    text = next(part for part in words.walk() if part.get_content_type() == "text/plain")
    said = cast("EmailMessage", text).get_content()
    assert said.index("Cómo cerrarlo") < said.index("Quién le escribe")
    office.ledger.close()


async def test_without_a_lot_nothing_is_attached(tmp_path: Path) -> None:
    """A stranger's attachment is one more reason to distrust a letter."""
    office = _office(tmp_path)
    office.plan()
    message = await _sent(office, tmp_path)

    assert message.get_content_type() == "multipart/alternative"
    office.ledger.close()


def _words(paper: bytes) -> str:
    pages = pypdfium2.PdfDocument(paper)
    return " ".join(page.get_textpage().get_text_range() for page in pages)


def test_planned_letter_is_printed_as_it_was_planned(tmp_path: Path) -> None:
    """The same case, address and reader; later, too, while nothing has changed."""
    office = _office(tmp_path)
    office.plan()
    desk = office.desk()
    (letter,) = desk.outbox.letters()
    words = _words(Papers(desk, Means(office.key)).of(letter))

    for said in (letter.case, IP["relay"], letter.recipient, "Agency es-prueba"):
        assert said in words, said
    office.ledger.close()


def test_letter_that_would_say_something_else_is_not_printed(tmp_path: Path) -> None:
    """Nobody posts what was not approved."""
    office = _office(tmp_path)
    office.plan()
    office.prove(NOW + timedelta(hours=1), ("relay",))
    desk = office.desk()
    (letter,) = desk.outbox.letters()
    with pytest.raises(MessageError, match="something else by now; run `survey notify plan`"):
        Papers(desk, Means(b"another key")).of(letter)
    office.judge(
        {**row, "last_seen": NOW + timedelta(hours=1)} if row["verdict"] == "open" else row
        for row in office.findings()
    )
    with pytest.raises(MessageError, match="something else by now"):
        Papers(office.desk(), Means(office.key)).of(letter)
    office.ledger.close()
