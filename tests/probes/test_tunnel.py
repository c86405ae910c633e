"""The proxy probes against scripted proxies that end at a canary."""

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable
from dataclasses import replace
from itertools import count
from random import Random
from typing import Any

import pytest

from survey.model.address import parse_ip
from survey.model.failure import Failure
from survey.model.observation import Observation, Protocol, Step
from survey.model.probe import Probe
from survey.probes.context import Context
from survey.probes.registry import PROBES
from survey.probes.tunnel import TLS_PACKETS
from survey.protocols.token import TokenKind, make_nonce, read_token
from survey.protocols.tunnel import answer

LOOPBACK = parse_ip("127.0.0.1")
KEY = bytes(range(32))
TUNNELS = [probe for probe in Probe if not probe.is_relay]

GRANTS = {
    Probe.HTTP_CONNECT: b"HTTP/1.1 200 OK\r\nVia: 1.1 proxy.example\r\n\r\n",
    Probe.HTTP_GET: b"HTTP/1.1 200 OK\r\nVia: 1.1 proxy.example\r\n\r\n",
    Probe.HTTP_POST: b"HTTP/1.1 200 Gatewaying\r\nX-Transformed-From: HTTP/0.9\r\n\r\n",
    Probe.SOCKS4: b"\x00\x5a" + bytes(6),
    Probe.SOCKS4A: b"\x00\x5a" + bytes(6),
    Probe.SOCKS5: b"\x05\x00\x00\x01" + bytes(6),
    Probe.TELNET: b"Connected\r\n",
}
PROMPT = b"WinGate>"
REFUSALS: dict[Probe, tuple[bytes, int | None]] = {
    Probe.HTTP_CONNECT: (b"HTTP/1.1 403 Forbidden\r\n\r\n", 403),
    Probe.HTTP_GET: (b"HTTP/1.1 403 Forbidden\r\n\r\n", 403),
    Probe.HTTP_POST: (b"HTTP/1.1 502 Bad Gateway\r\n\r\n", 502),
    Probe.SOCKS4: (b"\x00\x5b" + bytes(6), 0x5B),
    Probe.SOCKS4A: (b"\x00\x5b" + bytes(6), 0x5B),
    Probe.SOCKS5: (b"\x05\x02\x00\x01" + bytes(6), 2),
    Probe.TELNET: (b"Connection refused\r\n", None),
}
"""Which may be about the destination."""
UNWANTED: dict[Probe, tuple[bytes, int | None]] = {
    Probe.HTTP_CONNECT: (b"HTTP/1.1 407 Authenticate\r\n\r\n", 407),
    Probe.HTTP_GET: (b"HTTP/1.1 407 Authenticate\r\n\r\n", 407),
    Probe.HTTP_POST: (b"HTTP/1.1 405 Not Allowed\r\n\r\n", 405),
    Probe.SOCKS4: (b"\x00\x5d" + bytes(6), 0x5D),
    Probe.SOCKS4A: (b"\x00\x5d" + bytes(6), 0x5D),
    Probe.SOCKS5: (b"\x05\x07\x00\x01" + bytes(6), 7),
    Probe.TELNET: (b"Password: ", None),
}
"""Which are about the stranger, or the server itself."""
PROTOCOLS = {
    Probe.HTTP_CONNECT: Protocol.HTTP,
    Probe.HTTP_GET: Protocol.HTTP,
    Probe.HTTP_POST: Protocol.HTTP,
    Probe.TELNET: Protocol.TELNET,
    Probe.SOCKS4: Protocol.SOCKS4,
    Probe.SOCKS4A: Protocol.SOCKS4,
    Probe.SOCKS5: Protocol.SOCKS5,
}


PORTS = {"echo": 26, "mail": 25, "web": 27}


def variants(probe: Probe) -> list[str]:
    """To which of our ports a probe asks for a way."""
    return ["web"] if probe is Probe.HTTP_GET else ["echo", "mail"]


class Proxy:
    """A proxy that grants or refuses, and plays the canary behind it; its first bytes are glued."""

    def __init__(
        self,
        probe: Probe,
        *,
        refuses: Callable[[int], bool] = lambda _: False,
        refusals: dict[Probe, tuple[bytes, int | None]] = REFUSALS,
    ) -> None:
        self.probe = probe
        self.refusal = refusals[probe][0]
        self.refuses = refuses
        self.requests: list[bytes] = []
        self.nonces: list[str] = []
        self.goodbyes: list[bytes] = []
        self.ended = asyncio.Semaphore(0)

    async def request(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        """The whole request to connect."""
        match self.probe:
            case Probe.HTTP_CONNECT | Probe.HTTP_GET:
                return await reader.readuntil(b"\r\n\r\n")
            case Probe.HTTP_POST:
                return await reader.readuntil(b"QUIT\r\n")
            case Probe.TELNET:
                writer.write(PROMPT)
                return await reader.readline()
            case Probe.SOCKS4:
                return await reader.readexactly(9)
            case Probe.SOCKS4A:
                return await reader.readexactly(9) + await reader.readuntil(b"\0")
        assert await reader.readexactly(3) == b"\x05\x01\x00"
        writer.write(b"\x05\x00")
        return await reader.readexactly(10)

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self.requests.append(await self.request(reader, writer))
        if self.refuses(len(self.requests)):
            writer.write(self.refusal)
            await reader.read()
            return
        if self.probe in {Probe.HTTP_GET, Probe.HTTP_POST}:
            self.nonces.append(self.nonce(re.findall(rb"[a-z2-7]{56}", self.requests[-1])[0]))
            writer.write(GRANTS[self.probe] + answer(self.nonces[-1]))
            self.goodbyes.append(b"")
            self.ended.release()
            await reader.read()
            return
        writer.write(GRANTS[self.probe] + b"220 canary.example ESMTP\r\n")
        line = await reader.readline()
        self.nonces.append(self.nonce(line.removeprefix(b"NOOP ").strip()))
        writer.write(answer(self.nonces[-1]))
        self.goodbyes.append(await reader.read())
        self.ended.release()

    def nonce(self, token: bytes) -> str:
        """The canary's, one for each connection."""
        return make_nonce(KEY, token.decode(), b"%d" % len(self.nonces))


Test = Callable[[int, int, Context], Awaitable[tuple[Observation, ...]]]


@pytest.fixture(params=TUNNELS)
def probe(request: pytest.FixtureRequest) -> Probe:
    """Each probe that looks for a tunnel."""
    return request.param


async def run(probe: Probe, serve: Callable, context: Context, server: Any) -> list[Observation]:
    """Test a scripted server."""
    return list(await PROBES[probe].run(LOOPBACK, await serve(server), context))


async def test_an_open_proxy_is_followed_to_both_ports(
    probe: Probe, serve: Callable, context: Context
) -> None:
    """To the echo host, then to the MX: mail could go through; a GET to the web host."""
    proxy = Proxy(probe)
    rows = await run(probe, serve, context, proxy)
    assert [row.variant for row in rows] == variants(probe)
    assert [row.canary_port for row in rows] == [PORTS[row.variant] for row in rows]
    assert [row.nonce for row in rows] == proxy.nonces
    for row in rows:
        assert (row.step, row.failure, row.protocol) == (Step.ECHOED, None, PROTOCOLS[probe])
        assert row.reply == (PROMPT if probe is Probe.TELNET else GRANTS[probe])
        claims = read_token(KEY, row.token)
        assert claims is not None
        assert (claims.ip, claims.port, claims.probe) == (row.ip, row.port, probe)
        assert (claims.variant, claims.canary_port) == (row.variant, row.canary_port)
        assert claims.kind is TokenKind.TUNNEL
        assert row.token.encode() in row.sent
    for _ in rows:
        await proxy.ended.acquire()
    goodbye = b"" if probe in {Probe.HTTP_GET, Probe.HTTP_POST} else b"QUIT\r\n"
    assert proxy.goodbyes == [goodbye] * len(rows)


async def test_only_our_canary_is_ever_named(
    probe: Probe, serve: Callable, context: Context
) -> None:
    """By its address, at its own ports (law 2)."""
    proxy = Proxy(probe)
    await run(probe, serve, context, proxy)
    for request, variant in zip(proxy.requests, variants(probe), strict=True):
        port = PORTS[variant]
        if probe is Probe.TELNET:
            assert request == b"127.0.0.1:%d\r\n" % port
        elif probe.is_http:
            named = rb"(CONNECT |GET http://|POST http://)127.0.0.1:%d(/[a-z2-7]*)? HTTP/1" % port
            assert re.match(named, request)
            assert b"\r\nHost: 127.0.0.1:%d\r\n" % port in request
            assert re.search(rb"User-Agent: [^\r]*https://survey\.example", request)
        else:
            assert port.to_bytes(2, "big") in request
            assert (b"127.0.0.1" if probe is Probe.SOCKS4A else b"\x7f\x00\x00\x01") in request


METHODS = {Probe.HTTP_GET: "GET", Probe.HTTP_POST: "POST"}


async def test_who_serves_no_stranger_is_asked_once(
    probe: Probe, serve: Callable, context: Context
) -> None:
    """A password, or a server that is no proxy: another port would change nothing."""
    proxy = Proxy(probe, refuses=lambda _: True, refusals=UNWANTED)
    (row,) = await run(probe, serve, context, proxy)
    at = "LOGIN" if probe is Probe.TELNET else METHODS.get(probe, "CONNECT")
    assert (row.step, row.failure, row.nonce) == (Step.SPOKE, None, "")
    assert (row.refused_at, row.code) == (at, UNWANTED[probe][1])
    assert len(proxy.requests) == 1


async def test_who_refuses_the_destination_is_asked_for_the_other_one(
    probe: Probe, serve: Callable, context: Context
) -> None:
    """And no more often."""
    proxy = Proxy(probe, refuses=lambda _: True)
    rows = await run(probe, serve, context, proxy)
    assert [row.variant for row in rows] == variants(probe)
    for row in rows:
        assert (row.step, row.failure, row.nonce) == (Step.SPOKE, None, "")
        assert (row.refused_at, row.code) == (METHODS.get(probe, "CONNECT"), REFUSALS[probe][1])


@pytest.mark.parametrize("probe", [each for each in TUNNELS if each is not Probe.HTTP_GET])
async def test_a_proxy_may_carry_mail_alone(
    probe: Probe, serve: Callable, context: Context
) -> None:
    """Its rules let through the one port that spam needs."""
    proxy = Proxy(probe, refuses=lambda number: number == 1)
    rows = await run(probe, serve, context, proxy)
    assert [(row.variant, row.step) for row in rows] == [
        ("echo", Step.SPOKE),
        ("mail", Step.ECHOED),
    ]


@pytest.mark.parametrize("probe", [each for each in TUNNELS if each is not Probe.HTTP_GET])
async def test_a_proxy_may_refuse_the_mail_port_alone(
    probe: Probe, serve: Callable, context: Context
) -> None:
    """Open, and not for mail."""
    proxy = Proxy(probe, refuses=lambda number: number == 2)
    rows = await run(probe, serve, context, proxy)
    assert [(row.variant, row.step) for row in rows] == [
        ("echo", Step.ECHOED),
        ("mail", Step.SPOKE),
    ]


async def test_each_connection_is_charged(
    probe: Probe, serve: Callable, context: Context, pacer: Any
) -> None:
    """Together no more than the registry says, which also counts TLS where a probe speaks it."""
    await run(probe, serve, context, Proxy(probe))
    assert len(pacer.charged) == len(variants(probe))
    tls = TLS_PACKETS * len(variants(probe)) if probe.is_http else 0
    assert sum(packets for _, packets in pacer.charged) == PROBES[probe].packets - tls


async def test_an_echo_server_is_no_proxy(probe: Probe, serve: Callable, context: Context) -> None:
    """It knows our token, but no nonce."""

    async def server(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1000):
            writer.write(data)

    (row,) = await run(probe, serve, context, server)
    assert row.step in {Step.CONNECTED, Step.SPOKE}
    assert row.failure is not None


async def test_nobody_there_is_one_row(probe: Probe, context: Context) -> None:
    """With why."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        (row,) = await PROBES[probe].run(LOOPBACK, bound.getsockname()[1], context)
    assert (row.step, row.failure) == (Step.NOTHING, Failure.REFUSED)
    assert row.variant == variants(probe)[0]


async def test_bytes_one_by_one_end_with_what_was_charged(
    probe: Probe, serve: Callable, context: Context
) -> None:
    """Each makes our kernel acknowledge it; the cap counts that too (law 5)."""
    number = count()

    async def server(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if probe is not Probe.TELNET:
            await reader.read(1)
        writer.write(GRANTS[probe][:1])
        while not writer.is_closing():
            next(number)
            writer.write(b"\0")
            await asyncio.sleep(0)

    patient = replace(context, timeouts=replace(context.timeouts, reply=60, tunnel=60))
    (row,) = await run(probe, serve, patient, server)
    assert row.failure in {Failure.TOO_MUCH, Failure.GARBAGE}
    assert row.bytes_in < 20_000


async def test_no_bytes_raise(probe: Probe, serve: Callable, context: Context) -> None:
    """Whatever is answered, in any pieces: one row, within its bounds, never ECHOED."""
    random = Random(11)
    good = [GRANTS[probe], REFUSALS[probe][0], b"\x05\x00", b"220 x\r\n", b"250 2.0.0 x\r\n"]

    async def server(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(random.randrange(8)):
            if random.random() < 0.5:
                await reader.read(1000)
            if writer.is_closing():
                return
            writer.write(random.choice([*good, random.randbytes(random.randrange(1, 90))]))
            await asyncio.sleep(0)

    port = await serve(server)
    hasty = replace(context, timeouts=replace(context.timeouts, reply=0.05))
    for _ in range(40):
        for row in await PROBES[probe].run(LOOPBACK, port, hasty):
            assert row.step not in {Step.ECHOED, Step.NOTHING}


@pytest.mark.parametrize(("only", "ports"), [(("mail",), [25]), (("echo",), [26])])
async def test_only_the_wanted_port_is_asked_for(
    serve: Callable, context: Context, only: tuple[str, ...], ports: list[int]
) -> None:
    """A follow-up may be about one of them alone."""
    proxy = Proxy(Probe.SOCKS5)
    wanted = replace(context, only=only, attempt=1)
    rows = await PROBES[Probe.SOCKS5].run(LOOPBACK, await serve(proxy), wanted)
    assert [(row.variant, row.canary_port, row.attempt) for row in rows] == [(only[0], ports[0], 1)]
