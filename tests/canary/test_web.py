"""The web host: waits for the client, and answers a token with a nonce."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from survey.canary.limits import Limits
from survey.canary.server import Running


@pytest.fixture
async def up(stand: Any) -> AsyncIterator[Running]:
    """A canary."""
    async with stand.up() as running:
        yield running


async def ask(port: int, *pieces: bytes) -> tuple[bytes, bytes]:
    """Head and body of the answer to a request."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for piece in pieces:
            writer.write(piece)
            await asyncio.sleep(0)
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
    return head, body


def web_token(stand: Any, port: int) -> str:
    """A token for the web port."""
    return stand.tokens.tunnel(port, variant="web")


@pytest.mark.parametrize("form", ["/{}", "http://canary.example:80/{}", "/{}?x=y", "/a/{}"])
async def test_a_token_is_answered_with_the_nonce_on_record(
    up: Running, stand: Any, form: str
) -> None:
    """Whatever a proxy made of the URI; and nobody may keep the answer."""
    token = web_token(stand, up.web_port)
    request = f"GET {form.format(token.upper())} HTTP/1.1\r\nHost: x\r\n\r\n".encode()

    head, body = await ask(up.web_port, *(request[at : at + 7] for at in range(0, 999, 7)))

    (line,) = await stand.recorded()
    assert (line["kind"], line["token"]) == ("tunnel", token)
    assert body == f"250 2.0.0 {line['nonce']}\r\n".encode()
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\nCache-Control: no-store\r\n" in head
    assert line["canary_port"] == up.web_port
    assert "headers" not in line


async def test_no_two_connections_get_the_same_nonce(up: Running, stand: Any) -> None:
    """A cache or a replay proves nothing."""
    request = f"GET /{web_token(stand, up.web_port)} HTTP/1.0\r\n\r\n".encode()

    bodies = {(await ask(up.web_port, request))[1] for _ in range(3)}

    assert len(bodies) == 3


async def test_headers_that_a_proxy_adds_are_on_record(up: Running, stand: Any) -> None:
    """Via and X-Forwarded-For, and no others."""
    token = web_token(stand, up.web_port)
    added = "Via: 1.1 proxy.example\r\nCookie: c\r\nX-Forwarded-For: 192.0.2.7\r\n"

    await ask(up.web_port, f"GET /{token} HTTP/1.1\r\n{added}\r\n".encode())

    (line,) = await stand.recorded()
    assert line["headers"] == "Via: 1.1 proxy.example\nX-Forwarded-For: 192.0.2.7\n"


@pytest.mark.parametrize(
    ("request_", "status", "kind"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", b"200", "connection"),
        (b"GET /robots.txt HTTP/1.1\r\n\r\n", b"404", "connection"),
        (b"GET /%b HTTP/1.1\r\n\r\n", b"404", "stray"),
        (b"HEAD /%b HTTP/1.1\r\n\r\n", b"405", "stray"),
        (b"POST / HTTP/1.1\r\n\r\nNOOP %b\r\n", b"405", "stray"),
        (b"\x05\x01\x00\r\n\r\n", b"400", "connection"),
        (b"GET /x" + b"y" * 20_000, b"431", "connection"),
    ],
)
async def test_anything_else_proves_nothing(
    up: Running, stand: Any, request_: bytes, status: bytes, kind: str
) -> None:
    """A token for another port, another method, no HTTP at all, too much."""
    other = stand.tokens.tunnel(up.echo_port).encode()

    head, _ = await ask(up.web_port, request_.replace(b"%b", other))

    assert head.split()[1] == status
    assert [line["kind"] for line in await stand.recorded()] == [kind]


async def test_who_half_closes_before_a_whole_request_gets_nothing(up: Running, stand: Any) -> None:
    """And who does it behind one, an answer."""
    token = web_token(stand, up.web_port)
    for request, heard in ((f"GET /{token} HTTP/1.0\r\n", b""), (f"GET /{token}\n\n", b"HTTP/1.1")):
        reader, writer = await asyncio.open_connection("127.0.0.1", up.web_port)
        writer.write(request.encode())
        writer.write_eof()

        assert (await reader.read())[:8] == heard
        writer.close()


async def test_no_more_connections_than_it_has_room_for(stand: Any) -> None:
    """Those beyond are dropped and counted."""
    async with stand.up(limits=Limits(web_connections=1, farewell_seconds=0.1)) as up:
        _, first = await asyncio.open_connection("127.0.0.1", up.web_port)
        await asyncio.sleep(0.05)
        with contextlib.suppress(ConnectionError):
            assert await ask(up.web_port, b"GET / HTTP/1.0\r\n\r\n") == (b"", b"")
        first.close()


async def test_a_log_that_fails_is_told(up: Running, stand: Any, monkeypatch: Any) -> None:
    """Nobody gets a nonce that is not on record."""
    monkeypatch.setattr(up.desk.log, "_commit", lambda _: False)
    request = f"GET /{web_token(stand, up.web_port)} HTTP/1.0\r\n\r\n".encode()

    assert (await ask(up.web_port, request))[0].startswith(b"HTTP/1.1 503")
    assert (await ask(up.web_port, b"GET / HTTP/1.0\r\n\r\n"))[0].startswith(b"HTTP/1.1 503")


async def test_a_token_that_comes_too_often_gets_no_nonce(up: Running, stand: Any) -> None:
    """As on the other hosts."""
    request = f"GET /{web_token(stand, up.web_port)} HTTP/1.0\r\n\r\n".encode()

    answers = [(await ask(up.web_port, request))[0][:12] for _ in range(60)]

    assert answers[-1] == b"HTTP/1.1 429"
