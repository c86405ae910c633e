"""The HTTP proxies and web servers of the lab behave as their names say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from survey.lab.personality import Personality
from survey.model.address import format_ip
from survey.model.probe import Probe

if TYPE_CHECKING:
    from tests.lab.conftest import FarEnd, Lab, Street, Tunnel, Visit

P = Personality


def connect(far_end: FarEnd) -> bytes:
    """CONNECT to the far end's echo port."""
    to = far_end.canary.echo
    return f"CONNECT {format_ip(to.ip)}:{to.port} HTTP/1.1\r\nHost: x\r\n\r\n".encode()


@pytest.mark.parametrize(
    ("personality", "status"),
    [
        (P.CONNECT_AUTH, b"407 Proxy Authentication Required"),
        (P.CONNECT_FORBIDDEN, b"403 Forbidden"),
        (P.CONNECT_UNREACHABLE, b"503 Service Unavailable"),
        (P.WEB_ALWAYS_200, b"200 OK"),
        (P.WEB_PORTAL, b"302 Found"),
        (P.WEB_BAD_REQUEST, b"400 Bad Request"),
        (P.WEB_NOT_ALLOWED, b"405 Method Not Allowed"),
    ],
)
async def test_connect_gets_its_status_a_page_and_the_end(
    personality: Personality, status: bytes, visit: Visit, far_end: FarEnd
) -> None:
    """The page is as long as the head says."""
    async with visit(personality) as client:
        client.say(connect(far_end))
        head, _, page = (await client.rest()).partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 " + status)
    assert f"Content-Length: {len(page)}".encode() in head
    assert far_end.tunnels == []


@pytest.mark.parametrize(
    ("personality", "status"),
    [(P.WEB_BAD_REQUEST, b"200"), (P.WEB_NOT_ALLOWED, b"200"), (P.CONNECT_OPEN, b"501")],
)
async def test_get_gets_a_page_from_a_web_server_only(
    personality: Personality, status: bytes, visit: Visit
) -> None:
    """The lab's open proxies do CONNECT and nothing else."""
    async with visit(personality) as client:
        client.say(b"GET / HTTP/1.0\r\n\r\n")

        assert (await client.line()).split()[1] == status


@pytest.mark.parametrize(
    "personality", [P.WEB_BAD_REQUEST, P.WEB_NOT_ALLOWED, P.CONNECT_OPEN, P.CONNECT_FORBIDDEN]
)
async def test_what_is_no_http_is_answered_at_once(personality: Personality, visit: Visit) -> None:
    """As nginx does to SOCKS: a status line, not silence."""
    async with visit(personality) as client:
        client.say(b"\x05\x01\x00")

        assert (await client.line()).startswith(b"HTTP/1.1 4")


async def test_a_glued_reply_brings_the_far_ends_greeting_with_it(
    visit: Visit, far_end: FarEnd
) -> None:
    """One piece: a client that reads once and keeps the head only has lost the greeting."""
    async with visit(P.CONNECT_GLUED) as client:
        client.say(connect(far_end))
        piece = await client.reader.read(65536)

    assert piece.startswith(b"HTTP/1.1 200 ")
    assert piece.endswith(b"\r\n\r\n220 canary.example ESMTP\r\n")


async def test_a_split_reply_comes_in_small_pieces(visit: Visit, far_end: FarEnd) -> None:
    """Even the status line is cut."""
    async with visit(P.CONNECT_SPLIT) as client:
        client.say(connect(far_end))

        assert await client.reader.read(65536) == b"HTTP/1.1 "


async def test_a_portal_without_a_length_never_ends(visit: Visit, far_end: FarEnd) -> None:
    """200 and a page, and then nothing more, but no end either."""
    async with visit(P.WEB_PORTAL_200) as client:
        client.say(connect(far_end))
        assert (await client.line()).startswith(b"HTTP/1.1 200")
        while b"Sign in" not in await client.line():
            pass
        client.say(b"NOOP x\r\n")

        assert not client.reader.at_eof()
    assert far_end.tunnels == []


async def test_a_fake_plays_the_canary_with_a_nonce_in_the_right_form(
    tunnel: Tunnel, far_end: FarEnd
) -> None:
    """It never reached the far end; only the far end's own log can tell."""
    nonce = await tunnel(P.CONNECT_FAKE, Probe.HTTP_CONNECT)

    assert nonce == "a" * 32
    assert far_end.tunnels == []


@pytest.mark.parametrize(
    ("personality", "probe", "other"),
    [
        (P.CONNECT_OPEN, Probe.HTTP_CONNECT, False),
        (P.CONNECT_OTHER_EXIT, Probe.HTTP_CONNECT, True),
        (P.SOCKS_OPEN, Probe.SOCKS5, False),
        (P.SOCKS_OTHER_EXIT, Probe.SOCKS4, True),
    ],
)
async def test_the_far_end_sees_the_exit(  # noqa: PLR0917 - three of them are fixtures
    personality: Personality,
    probe: Probe,
    other: bool,  # noqa: FBT001 - a column of the table
    street: Street,
    far_end: FarEnd,
    tunnel: Tunnel,
) -> None:
    """Its own address, or the second one of a cascade."""
    await tunnel(personality, probe)

    machine = street.machines[personality]
    [(peer, _)] = far_end.tunnels
    assert peer == format_ip(machine.doors[0].exit_ip)
    assert (peer != format_ip(machine.ip)) == other


@pytest.mark.parametrize(
    "target",
    ["127.0.0.1:22", "example.com:80", "192.0.2.1:25", "canary.example:1", "x", "x:y", ":", "x:0"],
)
async def test_an_open_proxy_reaches_nothing_but_the_canary(
    target: str, visit: Visit, lab: Lab
) -> None:
    """403 by rule, before any socket is made."""
    async with visit(P.CONNECT_OPEN) as client:
        client.say(f"CONNECT {target} HTTP/1.1\r\n\r\n".encode())

        assert (await client.line()).startswith(b"HTTP/1.1 403")
    assert len(lab.present) <= 1


async def test_a_tunnel_passes_the_end_of_each_side_on(visit: Visit, far_end: FarEnd) -> None:
    """The far end's QUIT closes the client's connection."""
    async with visit(P.CONNECT_OPEN) as client:
        client.say(connect(far_end) + b"QUIT\r\n")

        assert (await client.rest()).endswith(b"220 canary.example ESMTP\r\n")


async def test_a_head_without_end_is_turned_away(visit: Visit) -> None:
    """More than a proxy would read."""
    async with visit(P.CONNECT_OPEN) as client:
        client.say(b"CONNECT " + b"x" * 40000)

        assert (await client.line()).startswith(b"HTTP/1.1 400")
