"""Dialogues inside TLS: the same answers, and every way in which it can fail."""

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import replace
from random import Random

import pytest

from survey.lab.certificate import server_context
from survey.model.address import parse_ip
from survey.model.failure import Failure
from survey.model.observation import Observation, Protocol, Step
from survey.model.plan import Endpoint, ProbePlan
from survey.model.probe import Probe
from survey.probes.context import Context
from survey.probes.registry import PROBES
from survey.probes.secured import Secured
from survey.probes.tls import Tls
from survey.protocols.dialogue import Answer, Dialogue
from survey.protocols.http import http_connect
from survey.protocols.token import NONCE_CHARS, read_token
from survey.protocols.tunnel import answer

LOOPBACK = parse_ip("127.0.0.1")
KEY = bytes(range(32))
NONCE = "n" * NONCE_CHARS
GRANT = b"HTTP/1.1 200 OK\r\n\r\n"


@pytest.fixture(scope="module")
def server_tls() -> ssl.SSLContext:
    """A server's side."""
    return server_context()


def inside(context: Context, port: int) -> Context:
    """A plan in which this port begins with TLS."""
    return replace(context, parts=(ProbePlan(Probe.HTTP_CONNECT, (), (port,)),))


async def run(
    serve: Callable, context: Context, server: Callable, tls: ssl.SSLContext | None
) -> tuple[Observation, ...]:
    """CONNECT inside TLS to a scripted server."""
    port = await serve(server, tls)
    return await PROBES[Probe.HTTP_CONNECT].run(LOOPBACK, port, inside(context, port))


async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """An open one, with the canary behind it."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(GRANT + b"220 canary.example ESMTP\r\n")
    await reader.readline()
    writer.write(answer(NONCE))
    assert await reader.readline() in {b"QUIT\r\n", b""}


async def test_an_open_proxy_inside_tls_is_found(
    serve: Callable, context: Context, server_tls: ssl.SSLContext
) -> None:
    """Its rows and tokens say that it was inside TLS; evidence is what was said inside."""
    rows = await run(serve, context, proxy, server_tls)
    assert [row.variant for row in rows] == ["echo", "mail"]
    for row in rows:
        assert (row.step, row.failure, row.nonce, row.tls) == (Step.ECHOED, None, NONCE, True)
        assert row.received.startswith(GRANT + b"220 canary.example")
        assert row.sent.startswith(b"CONNECT 127.0.0.1:")
        assert row.sent.endswith(b"QUIT\r\n")
        assert row.bytes_in > len(row.received)
        assert row.bytes_out > len(row.sent)
        claims = read_token(KEY, row.token)
        assert claims is not None
        assert claims.tls


async def test_a_port_of_the_other_kind_is_asked_in_the_clear(
    serve: Callable, context: Context
) -> None:
    """The plan decides, port by port."""
    port = await serve(proxy)
    rows = await PROBES[Probe.HTTP_CONNECT].run(LOOPBACK, port, inside(context, port + 1))
    assert [(row.step, row.tls) for row in rows] == [(Step.ECHOED, False)] * 2


async def test_a_refusal_inside_tls_is_one(
    serve: Callable, context: Context, server_tls: ssl.SSLContext
) -> None:
    """With its code."""

    async def server(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 407 Authenticate\r\n\r\n")
        await writer.drain()
        writer.close()

    (row,) = await run(serve, context, server, server_tls)
    assert (row.step, row.refused_at, row.code, row.tls) == (Step.SPOKE, "CONNECT", 407, True)


@pytest.mark.parametrize(
    ("says", "end"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", (Failure.WRONG_PROTOCOL, Protocol.HTTP)),
        (b"SSH-2.0-OpenSSH_9.2\r\n", (Failure.WRONG_PROTOCOL, Protocol.SSH)),
        (b"\x15\x03\x01\x00\x02\x02\x28", (Failure.HANDSHAKE, Protocol.TLS)),
        (b"\x9c\xff\x00\x00\x00\x00", (Failure.HANDSHAKE, None)),
        (b"", (Failure.CLOSED, None)),
        (b"\x16\x03\x03\x40\x00", (Failure.CLOSED, Protocol.TLS)),
        (None, (Failure.STALLED, None)),
    ],
)
async def test_a_handshake_that_fails_is_a_fact(
    serve: Callable,
    context: Context,
    says: bytes | None,
    end: tuple[Failure, Protocol | None],
) -> None:
    """Another protocol, an alert, garbage, an end, silence."""

    async def server(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        if says is None:
            await reader.read()
            return
        writer.write(says)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    (row,) = await run(serve, context, server, None)
    assert (row.step, row.failure, row.protocol) == (Step.CONNECTED, *end)
    assert row.tls


def talk() -> Dialogue:
    """A CONNECT."""
    return http_connect(Endpoint(LOOPBACK, 25), "us", "t" * 56)


def played(size: int, *turns: bytes) -> tuple[Answer, list[bytes]]:
    """The answer of a dialogue inside TLS, and what the server heard; bytes come in pieces."""
    server = Tls(server_context(), server=True)
    secured = Secured(talk()).dialogue()
    heard: list[bytes] = []
    words, wire = iter(turns), next(secured)
    while True:
        try:
            if wire:
                said = server.hear(wire)
                if said:
                    heard.append(said)
                    server.say(next(words, b"") or b" ")
            answered = server.to_send()
            wire = b""
            for at in range(0, max(1, len(answered)), size):
                wire += secured.send(answered[at : at + size])
        except StopIteration as end:
            return end.value, heard


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100, 100_000])
def test_pieces_do_not_matter(size: int) -> None:
    """The records of TLS may be cut anywhere, like everything else."""
    result, heard = played(size, GRANT + b"220 canary.example ESMTP\r\n", answer(NONCE))
    assert (result.step, result.nonce) == (Step.ECHOED, NONCE)
    assert heard[0].startswith(b"CONNECT 127.0.0.1:25 ")
    assert heard[1] == b"NOOP " + b"t" * 56 + b"\r\n"
    assert result.farewell
    assert b"QUIT" not in result.farewell


def fed(dialogue: Dialogue, *pieces: bytes) -> Answer:
    """The answer of a dialogue that has begun and hears these pieces."""
    try:
        for piece in pieces:
            dialogue.send(piece)
    except StopIteration as end:
        answered: Answer = end.value
        return answered
    raise AssertionError("it never returned")


def test_noise_behind_a_handshake_is_garbage() -> None:
    """What is no record of this connection ends it."""
    server = Tls(server_context(), server=True)
    secured = Secured(talk()).dialogue()
    wire = next(secured)
    while not server.established:
        server.hear(wire)
        wire = secured.send(server.to_send())
    noise = b"\x17\x03\x03\x00\x20" + b"x" * 32
    assert fed(secured, noise).failure is Failure.GARBAGE


def test_no_bytes_raise() -> None:
    """Whatever comes instead of a handshake."""
    random = Random(5)
    for _ in range(200):
        secured = Secured(talk()).dialogue()
        next(secured)
        pieces = [
            random.choice([b"\x16\x03\x03", b"\x15\x03\x03\x00\x02", b"\x17", b""])
            + random.randbytes(random.randrange(20))
            for _ in range(50)
        ]
        assert fed(secured, *pieces, b"").step is Step.CONNECTED
