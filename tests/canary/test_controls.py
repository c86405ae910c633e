"""The controls that we serve: open to our canary alone, or closed."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import aiosmtplib
import pytest
from made_scan import free_port

from survey.canary.controls import running
from survey.canary.log import roll
from survey.canary.server import running as running_canary
from survey.errors import ConfigError, SurveyError
from survey.model.address import format_ip, parse_ip
from survey.model.arrival import ArrivalKind
from survey.model.plan import Canary, Endpoint, KnownAs, PathControl
from survey.model.probe import Probe
from survey.protocols.token import Claims, TokenKind, make_token, run_tag

KEY = bytes(32)
HOME, OWN = parse_ip("127.0.91.2"), parse_ip("127.0.91.3")
DOMAINS = ("canary.example", "other.example")


def control(known_as: KnownAs, probe: Probe) -> PathControl:
    """One on a port that is free."""
    return PathControl(known_as, probe, Endpoint(OWN, free_port(OWN)))


@contextlib.asynccontextmanager
async def served(tmp_path: Path, *controls: PathControl) -> AsyncIterator[Canary]:
    """The canary and these controls."""
    ends = Endpoint(HOME, free_port(HOME)), Endpoint(HOME, free_port(HOME))
    canary = Canary(DOMAINS, *ends)
    async with (
        running_canary(canary, KEY, tmp_path / "arrivals"),
        running(controls, canary, "control.example"),
    ):
        yield canary


async def ask(at: Endpoint, *words: bytes) -> list[bytes]:
    """Say these, one after another; what came after each."""
    reader, writer = await asyncio.open_connection(format_ip(at.ip), at.port)
    heard = []
    with contextlib.closing(writer):
        for word in words:
            writer.write(word)
            heard.append(await reader.read(512))
    return heard


def recipient() -> str:
    """A token's mailbox."""
    claims = Claims(
        run_tag("made", "2026-W48"),
        OWN,
        25,
        Probe.SMTP_RELAY,
        "V1",
        0,
        False,
        0,
        TokenKind.RECIPIENT,
    )
    return f"{make_token(KEY, claims)}@{DOMAINS[0]}"


async def test_open_relay_carries_to_the_canary_alone(tmp_path: Path) -> None:
    """A message for us arrives; one for anybody else is refused."""
    relay = control(KnownAs.OPEN, Probe.SMTP_RELAY)
    async with served(tmp_path, relay):
        client = aiosmtplib.SMTP(
            hostname=format_ip(OWN), port=relay.at.port, start_tls=False, local_hostname="a.example"
        )
        async with client:
            await client.sendmail("a@a.example", [recipient()], b"Subject: x\r\n\r\nbody\r\n")
            with pytest.raises(aiosmtplib.SMTPRecipientsRefused):
                await client.sendmail("a@a.example", ["b@b.example"], b"Subject: x\r\n\r\nbody\r\n")
    (log,) = (tmp_path / "arrivals").glob("*.log")
    roll(tmp_path / "arrivals")
    assert f'"{ArrivalKind.MESSAGE}"' in log.read_text()


async def test_closed_relay_refuses_the_canary_too(tmp_path: Path) -> None:
    """Every recipient gets 550."""
    relay = control(KnownAs.CLOSED, Probe.SMTP_RELAY)
    async with served(tmp_path, relay):
        client = aiosmtplib.SMTP(
            hostname=format_ip(OWN), port=relay.at.port, start_tls=False, local_hostname="a.example"
        )
        async with client:
            with pytest.raises(aiosmtplib.SMTPRecipientsRefused):
                await client.sendmail("a@a.example", [recipient()], b"Subject: x\r\n\r\nbody\r\n")


async def test_open_socks5_connects_to_the_canary_alone(tmp_path: Path) -> None:
    """Its greeting comes through; any other destination gets reply 2."""
    proxy = control(KnownAs.OPEN, Probe.SOCKS5)
    async with served(tmp_path, proxy) as canary:
        at = canary.echo
        own = b"\x05\x01\x00\x01" + at.ip.to_bytes(4, "big") + at.port.to_bytes(2, "big")
        other = b"\x05\x01\x00\x01" + socket.inet_aton("127.0.0.1") + b"\x00\x19"

        hello, granted = await ask(proxy.at, b"\x05\x01\x00", own)
        _, denied = await ask(proxy.at, b"\x05\x01\x00", other)

    assert hello == b"\x05\x00"
    assert granted.startswith(b"\x05\x00")
    assert denied.startswith(b"\x05\x02")


async def test_closed_socks5_refuses_the_canary_too(tmp_path: Path) -> None:
    """Reply 2, whatever is asked for."""
    proxy = control(KnownAs.CLOSED, Probe.SOCKS5)
    async with served(tmp_path, proxy) as canary:
        at = canary.echo
        own = b"\x05\x01\x00\x01" + at.ip.to_bytes(4, "big") + at.port.to_bytes(2, "big")

        _, denied = await ask(proxy.at, b"\x05\x01\x00", own)

    assert denied.startswith(b"\x05\x02")


async def test_a_probe_without_a_server_of_ours_is_one_clear_line(tmp_path: Path) -> None:
    """Its control must be served by whoever runs the survey."""
    with pytest.raises(ConfigError, match="no server of ours for telnet"):
        async with served(tmp_path, control(KnownAs.OPEN, Probe.TELNET)):
            pass


async def test_a_taken_port_is_one_clear_line(tmp_path: Path) -> None:
    """The key, the socket, the cure."""
    one = control(KnownAs.CLOSED, Probe.SOCKS5)
    with pytest.raises(SurveyError, match=r"controls.closed: can't listen on 127.0.91.3"):
        async with served(tmp_path, one, one):
            pass
