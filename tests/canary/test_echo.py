"""The echo host over real sockets."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from survey.canary.limits import Limits
from survey.canary.log import ArrivalLog
from survey.canary.server import Running
from survey.protocols.dialogue import Inbox
from survey.protocols.token import TokenKind
from survey.protocols.tunnel import Tunnel


@pytest.fixture
async def up(stand: Any) -> AsyncIterator[Running]:
    """A canary that runs during the test."""
    async with stand.up() as running:
        yield running


async def test_token_is_answered_with_a_nonce_that_is_on_record(up: Running, stand: Any) -> None:
    """The proof of a tunnel: token and nonce, equal on both sides."""
    token = stand.tokens.tunnel(up.echo_port)
    async with stand.talk(up.echo_port) as talk:
        reply = await talk.say(f"NOOP {token}")
        (line,) = stand.lines.all()

    assert reply == f"250 2.0.0 {line['nonce']}".encode()
    assert (line["kind"], line["token"]) == ("tunnel", token)
    assert len(line["nonce"]) == 32
    assert line["peer"] == "::ffff:127.0.0.1"
    assert line["canary_port"] == up.echo_port
    assert line["complete"] is False


async def test_token_from_a_telnet_client_is_read(up: Running, stand: Any) -> None:
    """It says CR NUL for a CR, and the line's end behind it."""
    token = stand.tokens.tunnel(up.echo_port)
    async with stand.talk(up.echo_port) as talk:
        reply = await talk.say(f"NOOP {token}\r\0")
        (line,) = stand.lines.all()

    assert reply == f"250 2.0.0 {line['nonce']}".encode()
    assert line["token"] == token


async def test_the_probe_s_own_dialogue_understands_us(up: Running, stand: Any) -> None:
    """Both sides of ``protocols.tunnel`` fit."""
    talk = await stand.call(up.echo_port)
    inbox, tunnel = Inbox(), Tunnel()
    dialogue = tunnel.talk(inbox, stand.tokens.tunnel(up.echo_port))
    say = next(dialogue)
    while True:
        talk.write(say)
        try:
            say = dialogue.send(await talk.reader.read(4096))
        except StopIteration:
            break
    await talk.quit()

    assert tunnel.failure is None
    assert tunnel.nonce == stand.lines.all()[0]["nonce"]


async def test_nonce_differs_from_connection_to_connection(up: Running, stand: Any) -> None:
    """An answer that was seen once can't be played back as the next."""
    token = stand.tokens.tunnel(up.echo_port)
    replies = set()
    for _ in range(3):
        async with stand.talk(up.echo_port) as talk:
            replies.add(await talk.say(f"NOOP {token}"))

    assert len(replies) == 3


async def test_token_in_capitals_is_the_same_token(up: Running, stand: Any) -> None:
    """The record holds it as it was made."""
    token = stand.tokens.tunnel(up.echo_port)
    async with stand.talk(up.echo_port) as talk:
        assert len(await talk.say(f"noop {token.upper()}")) == 42

    assert stand.lines.kinds() == [("tunnel", token)]


async def test_noop_alone_is_a_sign_of_health(up: Running, stand: Any) -> None:
    """Workers ask before they send; it proves nothing."""
    async with stand.talk(up.echo_port) as talk:
        assert await talk.say("NOOP") == b"250 2.0.0 OK"

    assert await stand.kinds() == [("connection", "")]


@pytest.mark.parametrize(
    "make",
    [
        lambda tokens, port: tokens.tunnel(port + 1),
        lambda tokens, _: tokens.recipient,
        lambda tokens, port: tokens.of(TokenKind.MESSAGE, canary_port=port),
        lambda tokens, port: "x" * 40 + " " + tokens.tunnel(port),
    ],
)
async def test_token_for_another_place_gets_no_nonce(
    up: Running, stand: Any, make: Callable[..., str]
) -> None:
    """Another port's token, another kind, or one among other words, is a stray."""
    argument = make(stand.tokens, up.echo_port)
    async with stand.talk(up.echo_port) as talk:
        assert await talk.say(f"NOOP {argument}") == b"250 2.0.0 OK"

    assert await stand.kinds() == [("stray", argument.split()[-1])]


async def test_forged_token_is_nobody(up: Running, stand: Any) -> None:
    """One wrong letter, or another key, and it is a connection like any other."""
    token = stand.tokens.tunnel(up.echo_port)
    forged = [token[:-1] + ("a" if token[-1] != "a" else "b")]
    forged.append(type(stand.tokens)(key=b"o" * 32).tunnel(up.echo_port))
    async with stand.talk(up.echo_port) as talk:
        for each in forged:
            assert await talk.say(f"NOOP {each}") == b"250 2.0.0 OK"

    assert await stand.kinds() == [("connection", "")]


@pytest.mark.parametrize("size", [1, 7, 1000])
async def test_pieces_of_any_size_are_understood(up: Running, stand: Any, size: int) -> None:
    """Everything at once or byte by byte; answers come in order."""
    token = stand.tokens.tunnel(up.echo_port)
    said = f"EHLO me.example\r\nNOOP {token}\nNOOP\r\nQUIT\r\n".encode()
    talk = await stand.call(up.echo_port)
    for at in range(0, len(said), size):
        talk.write(said[at : at + size])
        await asyncio.sleep(0)

    heard = (await talk.reader.read()).split(b"\r\n")
    await talk.close()

    assert [line[:3] for line in heard] == [b"220", b"250", b"250", b"250", b"221", b""]
    assert heard[2] == b"250 2.0.0 " + stand.lines.all()[0]["nonce"].encode()
    assert stand.lines.all()[0]["helo"] == "me.example"


async def test_header_of_an_http_proxy_is_borne_with(up: Running, stand: Any) -> None:
    """The NOOP in a POST block is answered, whatever the proxy put before it."""
    token = stand.tokens.tunnel(up.echo_port)
    header = "POST / HTTP/1.1\r\n" + "X-Forwarded-For: 192.0.2.1\r\n" * 12 + "\r\n"
    async with stand.talk(up.echo_port) as talk:
        talk.write(f"{header}NOOP {token}\r\n".encode())
        while not (line := await talk.hear()).startswith(b"250 2.0.0 "):
            assert line.startswith(b"502")

    assert stand.lines.kinds() == [("tunnel", token)]


async def test_half_closed_connection_is_still_answered(up: Running, stand: Any) -> None:
    """A proxy that passes on the end of our words leaves time for the answer."""
    token = stand.tokens.tunnel(up.echo_port)
    talk = await stand.call(up.echo_port)
    talk.write(f"NOOP {token}\r\n".encode())
    talk.writer.write_eof()

    heard = await talk.reader.read()
    await talk.close()

    assert heard.split(b"\r\n")[1] == f"250 2.0.0 {stand.lines.all()[0]['nonce']}".encode()


async def test_token_of_a_connection_that_was_reset_is_on_record(
    up: Running, stand: Any, wait_until: Callable[..., Awaitable[None]]
) -> None:
    """Bytes are kept as they arrive: a reset right behind them takes nothing away."""
    token = stand.tokens.tunnel(up.echo_port)
    talk = await stand.call(up.echo_port)
    await talk.hear()
    talk.write(f"POST / HTTP/1.0\r\n\r\nNOOP {token}".encode())
    await wait_until(lambda: talk.writer.transport.get_write_buffer_size() == 0)
    talk.writer.transport.abort()

    (line,) = await stand.recorded()
    assert (line["kind"], line["token"], line["nonce"]) == ("tunnel", token, "")


async def test_hostile_bytes_are_kept_as_bytes(up: Running, stand: Any) -> None:
    """NUL, 8-bit and escape characters go into the record, bounded, and harm nothing."""
    name = bytes(byte for byte in range(256) if byte not in b"\r\n") + b"x" * 300
    async with stand.talk(up.echo_port) as talk:
        assert await talk.say(b"EHLO " + name) == b"250 canary.example"
        assert (await talk.say(bytes(range(128, 256)))).startswith(b"502")

    (line,) = await stand.recorded()
    assert line["helo"].encode("latin-1") == name[:255]


@pytest.mark.parametrize("chunk", [b"x" * 1000, b"x\r\n", b"\r\n", b"NOOP\r\n", b"\0" * 4096])
async def test_who_says_too_much_is_cut_off(up: Running, stand: Any, chunk: bytes) -> None:
    """Bytes and lines of a connection are bounded."""
    talk = await stand.call(up.echo_port)
    talk.write(chunk * (20_000 // len(chunk)))
    heard = b""
    with contextlib.suppress(ConnectionError):  # our bytes that nobody reads reset it
        while piece := await talk.reader.read(65536):
            heard += piece
    await talk.close()

    assert len(heard) < 10_000


async def test_dripping_is_cut_off(stand: Any, wait_until: Callable[..., Awaitable[None]]) -> None:
    """A connection has a life span, however busily it drips."""
    limits = Limits(echo_seconds=0.1, sweep_seconds=0.02)
    async with stand.up(limits=limits) as up:
        talk = await stand.call(up.echo_port)
        await talk.hear()

        def dripped() -> bool:
            if not talk.over:
                talk.write(b"N")
            return talk.over

        await wait_until(dripped)
        await talk.close()

    assert stand.lines.kinds() == [("connection", "")]


async def test_crowd_is_turned_away_politely(stand: Any) -> None:
    """Beyond the bound of one peer: try again later; a place that is free again is given."""
    async with stand.up(limits=Limits(echo_per_peer=2)) as up:
        first, second = [await stand.call(up.echo_port) for _ in range(2)]
        assert (await first.hear()).startswith(b"220")
        assert (await second.hear()).startswith(b"220")
        third = await stand.call(up.echo_port)
        assert (await third.hear()).startswith(b"421")
        await third.close()
        await first.quit()
        async with stand.talk(up.echo_port):
            pass
        await second.quit()

    lines = stand.lines.all()
    assert [line.get("kind") for line in lines] == ["connection"] * 3 + [None]
    assert lines[-1]["unlisted"] == 1


async def test_flood_of_strangers_does_not_fill_the_log(stand: Any) -> None:
    """Beyond a burst, connections are counted, and the sum is whole."""
    async with stand.up() as up:
        up.desk.floodgate.strangers_burst = 20
        up.desk.floodgate.strangers_per_second = 0
        for _ in range(100):
            async with stand.talk(up.echo_port):
                pass

    lines = stand.lines.all()
    assert len(lines) == 21
    assert lines[-1]["unlisted"] == 80


async def test_replayed_token_does_not_fill_the_log(stand: Any) -> None:
    """The server that was given a token can't make us write without end."""
    async with stand.up() as up:
        up.desk.floodgate.repeats = 3
        token = stand.tokens.tunnel(up.echo_port)
        async with stand.talk(up.echo_port) as talk:
            replies = [await talk.say(f"NOOP {token}") for _ in range(6)]

    assert [reply[:3] for reply in replies] == [b"250"] * 3 + [b"451"] * 3
    assert stand.lines.kinds() == [("tunnel", token)] * 3


async def test_log_that_fails_is_no_250(
    stand: Any, monkeypatch: pytest.MonkeyPatch, wait_until: Callable[..., Awaitable[None]]
) -> None:
    """Without a record there is no answer and no health; both come back with the disk."""
    async with stand.up() as up:
        token = stand.tokens.tunnel(up.echo_port)
        with monkeypatch.context() as broken:
            broken.setattr(ArrivalLog, "_commit", lambda *_: False)
            async with stand.talk(up.echo_port) as talk:
                assert (await talk.say(f"NOOP {token}")).startswith(b"451 4.3.0")
                assert (await talk.say("NOOP")).startswith(b"451 4.3.0")

        await wait_until(lambda: up.desk.log.healthy)
        async with stand.talk(up.echo_port) as talk:
            assert await talk.say("NOOP") == b"250 2.0.0 OK"
            assert (await talk.say(f"NOOP {token}")).startswith(b"250 2.0.0 ")
