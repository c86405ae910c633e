"""Letters reach the lab's operators through a real mail server, and each reacts in its own way."""

import asyncio
import mailbox
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage
from email.utils import parseaddr
from pathlib import Path

import aiosmtplib
import pytest

from survey.errors import SurveyError
from survey.lab.draws import Draws, draws_of
from survey.lab.mailroom import HOST, Mailroom, open_mailroom
from survey.lab.operators import Reaction, reaction_of
from survey.lab.personality import openness
from survey.lab.server import running
from survey.lab.world import World
from survey.model.address import Range, format_ip, parse_ip
from survey.model.plan import Canary, Endpoint

DRAWS = draws_of("mailroom")
PORT = 13025
SENDER = "bounce+osys-1@survey.example"
SERVER = "127.80.1.2"


def owner(reaction: Reaction, draws: Draws = DRAWS) -> str:
    """A mailbox whose owner reacts so."""
    names = (f"abuse@n{number}.example" for number in range(1000))
    return next(name for name in names if reaction_of(draws, name) is reaction)


def letter(to: str) -> EmailMessage:
    """One that names a server."""
    made = EmailMessage()
    made["From"] = "An agency <desk@survey.example>"
    made["Reply-To"] = "desk@survey.example"
    made["To"] = to
    made["Subject"] = "Por favor, ciérrelo (case OSYS-2026-000001)"
    made["Message-ID"] = "<osys-2026-000001@survey.example>"
    made.set_content(f"To whoever runs the server at {SERVER}:\n")
    return made


@asynccontextmanager
async def mailroom(
    folder: Path, closed: list[int], *, news: bool = True
) -> AsyncIterator[tuple[Mailroom, aiosmtplib.SMTP]]:
    """The mail server, and a client that trusts its certificate only."""

    def close(ip: int) -> bool:
        closed.append(ip)
        return news

    room = Mailroom(PORT, folder / "mail.pem", folder / "delivered", folder / "desk")
    async with open_mailroom(room, DRAWS, close):
        trusted = ssl.create_default_context(cafile=room.certificate)
        async with aiosmtplib.SMTP(
            hostname=HOST,
            port=PORT,
            use_tls=True,
            tls_context=trusted,
            local_hostname="survey.example",
        ) as client:
            yield room, client


async def send(
    folder: Path, reaction: Reaction, *, news: bool = True
) -> tuple[Mailroom, list[int]]:
    """Send a letter to an operator who reacts so; the mailroom, and what was closed."""
    closed: list[int] = []
    async with mailroom(folder, closed, news=news) as (room, client):
        to = owner(reaction)
        await client.sendmail(SENDER, [to], letter(to).as_bytes())
    return room, closed


def only(folder: Path) -> mailbox.MaildirMessage:
    """The one message of a maildir."""
    (found,) = mailbox.Maildir(folder, create=False)
    return found


async def test_operator_closes_and_answers(tmp_path: Path) -> None:
    """The answer is a person's, to where answers are wanted."""
    room, closed = await send(tmp_path, Reaction.CLOSES)

    assert closed == [parse_ip(SERVER)]
    assert only(room.delivered)["Delivered-To"] == owner(Reaction.CLOSES)
    back = only(room.desk)
    assert back["Delivered-To"] == "desk@survey.example"
    assert back["In-Reply-To"] == "<osys-2026-000001@survey.example>"
    assert "case OSYS-2026-000001" in back["Subject"]
    assert back["Auto-Submitted"] is None
    assert back["Return-Path"] == f"<{owner(Reaction.CLOSES)}>"


async def test_who_has_nothing_open_any_more_says_nothing(tmp_path: Path) -> None:
    """A second letter on the same server gets no second answer."""
    room, closed = await send(tmp_path, Reaction.CLOSES, news=False)

    assert closed == [parse_ip(SERVER)]
    assert not list(mailbox.Maildir(room.desk))


async def test_unknown_mailbox_comes_back_as_a_delivery_report(tmp_path: Path) -> None:
    """To the envelope's sender, with the machine-readable part."""
    room, closed = await send(tmp_path, Reaction.GONE)

    assert not closed
    assert not list(mailbox.Maildir(room.delivered))
    back = only(room.desk)
    assert back["Delivered-To"] == SENDER
    assert back["Return-Path"] == "<>"
    assert back.get_content_type() == "multipart/report"
    status = [part for part in back.walk() if part.get_content_type() == "message/delivery-status"]
    assert "Status: 5.1.1" in status[0].as_string()
    assert f"Final-Recipient: rfc822; {owner(Reaction.GONE)}" in status[0].as_string()
    assert "Message-ID: <osys-2026-000001@survey.example>" in back.as_string()


async def test_program_answers_for_who_is_away(tmp_path: Path) -> None:
    """An automatic reply, marked as one."""
    room, _ = await send(tmp_path, Reaction.AWAY)

    back = only(room.desk)
    assert back["Auto-Submitted"] == "auto-replied"
    assert parseaddr(back["To"])[1] == SENDER


async def test_silent_operator_only_has_it(tmp_path: Path) -> None:
    """Delivered, and nothing comes back."""
    room, closed = await send(tmp_path, Reaction.SILENT)

    assert only(room.delivered)["Subject"].endswith("000001)")
    assert not closed
    assert not list(mailbox.Maildir(room.desk))


async def test_taken_port_is_told(tmp_path: Path) -> None:
    """In one line."""
    async with mailroom(tmp_path, []):
        other = Mailroom(PORT, tmp_path / "b.pem", tmp_path / "b", tmp_path / "c")
        with pytest.raises(SurveyError, match=f"port {PORT} can't be had"):
            async with open_mailroom(other, DRAWS, lambda _: False):
                pass


async def test_closed_server_refuses_from_then_on() -> None:
    """A relay goes on and refuses; a proxy listens no more; closing twice is no news."""
    here = (Range(parse_ip("127.81.0.0"), parse_ip("127.81.255.255")),)
    world = World("closing", here, 300)
    nobody = Endpoint(parse_ip("127.0.0.99"), 2525)
    opened = [
        (machine, door)
        for machine, door in world.doors()
        if openness(door.personality).probes and door.role.value in {"smtp", "socks"}
    ]
    async with running(world, Canary(("canary.example",), nobody, nobody)) as lab:
        for machine, door in opened[:20]:
            lab.close(machine.ip)
            assert not lab.close(machine.ip)
            if door.role.value == "socks":
                with pytest.raises(ConnectionRefusedError):
                    await asyncio.open_connection(format_ip(machine.ip), door.port)
                continue
            client = aiosmtplib.SMTP(
                hostname=format_ip(machine.ip),
                port=door.port,
                start_tls=False,
                local_hostname="a.example",
            )
            await client.connect()
            with pytest.raises(aiosmtplib.SMTPRecipientsRefused):
                await client.sendmail(
                    "a@sender.example", ["b@other.example"], b"Subject: x\r\n\r\n"
                )
            client.close()
        assert lab.close(parse_ip("127.81.255.255")) is False
