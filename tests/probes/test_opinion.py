"""Second opinions by other people's clients against scripted servers: same bytes, same limits."""

import asyncio
import re
import socket
import struct
from collections.abc import Callable
from dataclasses import replace
from random import Random

import pytest

from survey.model.address import parse_ip
from survey.model.client import Client
from survey.model.failure import Failure
from survey.model.observation import Observation, Protocol, Step
from survey.model.probe import Probe
from survey.probes import opinion_smtp
from survey.probes.context import Context
from survey.probes.messages import MOST_MESSAGES, Messages
from survey.probes.opinion import client_for, second_opinion
from survey.probes.registry import PROBES
from survey.protocols.envelopes import FORMS
from survey.protocols.token import TokenKind, make_nonce, read_token
from survey.protocols.tunnel import answer

LOOPBACK = parse_ip("127.0.0.1")
KEY = bytes(range(32))
CLIENTS = {
    Probe.HTTP_CONNECT: Client.H11,
    Probe.SOCKS4: Client.PYTHON_SOCKS,
    Probe.SOCKS5: Client.PYTHON_SOCKS,
}
TUNNELS = list(CLIENTS)
GRANTS = {
    Probe.HTTP_CONNECT: b"HTTP/1.1 200 OK\r\nVia: 1.1 proxy.example\r\n\r\n",
    Probe.SOCKS4: b"\x00\x5a" + bytes(6),
    Probe.SOCKS4A: b"\x00\x5a" + bytes(6),
    Probe.SOCKS5: b"\x05\x00\x00\x01" + bytes(6),
}
REFUSALS = {
    Probe.HTTP_CONNECT: (b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", 403),
    Probe.SOCKS4: (b"\x00\x5b" + bytes(6), 0x5B),
    Probe.SOCKS5: (b"\x05\x02\x00\x01" + bytes(6), 2),
}
PROTOCOLS = {
    Probe.HTTP_CONNECT: Protocol.HTTP,
    Probe.SOCKS4: Protocol.SOCKS4,
    Probe.SOCKS5: Protocol.SOCKS5,
}


class Proxy:
    """Grants or refuses, and plays the canary behind it; what it says is glued, or in pieces."""

    def __init__(self, probe: Probe, *, refuses: bool = False, piecemeal: bool = False) -> None:
        self.probe, self.refuses, self.piecemeal = probe, refuses, piecemeal
        self.heard: list[bytes] = []
        self.nonces: list[str] = []
        self.ended = asyncio.Semaphore(0)

    async def say(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        """All at once, or in three pieces."""
        size = len(data) // 3 + 1 if self.piecemeal else len(data)
        for at in range(0, len(data), size):
            writer.write(data[at : at + size])
            await writer.drain()
            if self.piecemeal:
                await asyncio.sleep(0.002)

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        said = b""
        match self.probe:
            case Probe.HTTP_CONNECT:
                said = await reader.readuntil(b"\r\n\r\n")
            case Probe.SOCKS4:
                said = await reader.readexactly(9)
            case Probe.SOCKS4A:
                said = await reader.readexactly(9) + await reader.readuntil(b"\0")
            case Probe.SOCKS5:
                said = await reader.readexactly(3)
                await self.say(writer, b"\x05\x00")
                said += await reader.readexactly(10)
        self.heard.append(said)
        if self.refuses:
            await self.say(writer, REFUSALS[self.probe][0])
            await reader.read()
            return
        await self.say(writer, GRANTS[self.probe] + b"220 canary.example ESMTP\r\n")
        line = await reader.readline()
        self.heard[-1] += line
        token = line.decode().removeprefix("NOOP ").strip()
        self.nonces.append(make_nonce(KEY, token, b"%d" % len(self.nonces)))
        await self.say(writer, answer(self.nonces[-1]))
        self.heard[-1] += await reader.read()
        self.ended.release()


async def opine(
    probe: Probe, serve: Callable, context: Context, server: Callable
) -> tuple[Observation, ...]:
    """The second opinion on a scripted server."""
    return await second_opinion(probe, LOOPBACK, await serve(server), context)


def words(heard: list[bytes]) -> list[bytes]:
    """What was said, tokens aside: they name another port."""
    return [re.sub(rb"NOOP [a-z2-7]{56}", b"NOOP token", said) for said in heard]


@pytest.mark.parametrize("probe", TUNNELS)
async def test_the_same_bytes_are_said_by_another_client(
    probe: Probe, serve: Callable, context: Context
) -> None:
    """To both of the canary's ports; the canary's nonce comes back to it as to ourselves."""
    ours, theirs = Proxy(probe), Proxy(probe)
    first = await PROBES[probe].run(LOOPBACK, await serve(ours), context)
    rows = await opine(probe, serve, replace(context, attempt=1), theirs)
    for proxy in (ours, theirs):
        await proxy.ended.acquire()
        await proxy.ended.acquire()
    assert words(theirs.heard) == words(ours.heard)
    for row, mine, nonce in zip(rows, first, theirs.nonces, strict=True):
        assert (row.step, row.failure, row.nonce) == (Step.ECHOED, None, nonce)
        assert (row.variant, row.canary_port, row.attempt) == (mine.variant, mine.canary_port, 1)
        assert (row.protocol, row.code, row.reply) == (mine.protocol, mine.code, mine.reply)
        assert (row.client, mine.client) == (CLIENTS[probe], Client.OURS)
        assert row.source == mine.source == LOOPBACK
        claims = read_token(KEY, row.token)
        assert claims is not None
        assert (claims.attempt, claims.kind, claims.probe) == (1, TokenKind.TUNNEL, probe)


@pytest.mark.parametrize("probe", TUNNELS)
async def test_replies_in_pieces_are_the_same_replies(
    probe: Probe, serve: Callable, context: Context
) -> None:
    """However the network cuts them."""
    rows = await opine(probe, serve, context, Proxy(probe, piecemeal=True))
    assert [row.step for row in rows] == [Step.ECHOED, Step.ECHOED]


@pytest.mark.parametrize("probe", TUNNELS)
async def test_a_refusal_is_recorded_with_its_code(
    probe: Probe, serve: Callable, context: Context
) -> None:
    """And as by ourselves: what may be about the destination, for both of the canary's ports."""
    proxy = Proxy(probe, refuses=True)
    rows = await opine(probe, serve, context, proxy)
    assert [row.variant for row in rows] == ["echo", "mail"]
    for row in rows:
        assert (row.step, row.refused_at, row.failure) == (Step.SPOKE, "CONNECT", None)
        assert (row.code, row.protocol) == (REFUSALS[probe][1], PROTOCOLS[probe])
    assert len(proxy.heard) == 2


async def test_what_no_library_sends_is_repeated_by_ourselves(
    serve: Callable, context: Context
) -> None:
    """And its rows say so."""
    rows = await opine(Probe.SOCKS4A, serve, context, Proxy(Probe.SOCKS4A))
    assert [(row.step, row.client) for row in rows] == [(Step.ECHOED, Client.SAME_CLIENT)] * 2
    rows = await second_opinion(
        Probe.SOCKS5, LOOPBACK, await serve(Proxy(Probe.SOCKS5)), context, independent=False
    )
    assert {row.client for row in rows} == {Client.SAME_CLIENT}


@pytest.mark.parametrize("probe", TUNNELS)
async def test_nobody_there_is_one_row(probe: Probe, context: Context) -> None:
    """Refused is a fact."""
    with socket.create_server(("127.0.0.1", 0)) as bound:
        port = bound.getsockname()[1]
    (row,) = await second_opinion(probe, LOOPBACK, port, context)
    assert (row.step, row.failure, row.variant) == (Step.NOTHING, Failure.REFUSED, "echo")


@pytest.mark.parametrize("probe", [*TUNNELS, Probe.SMTP_RELAY])
async def test_the_gate_is_asked_at_every_dial(probe: Probe, context: Context) -> None:
    """An address outside the plan gets no packet."""
    outside = parse_ip("127.9.0.1")
    with socket.create_server(("127.9.0.1", 0)) as bound:
        bound.setblocking(False)
        rows = await second_opinion(probe, outside, bound.getsockname()[1], context)
        with pytest.raises(BlockingIOError):
            bound.accept()
    assert [(row.step, row.failure) for row in rows] == [(Step.NOTHING, Failure.ABORTED)]


@pytest.mark.parametrize("probe", [*TUNNELS, Probe.SMTP_RELAY])
async def test_each_connection_is_charged(
    probe: Probe, serve: Callable, context: Context, pacer: object
) -> None:
    """Before it is opened."""
    await opine(probe, serve, context, _hang_up)
    assert len(pacer.charged) == 1  # type: ignore[attr-defined]
    assert pacer.charged[0][1] >= 14  # type: ignore[attr-defined]


async def _hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    writer.close()


async def _silence(*_: object) -> None:
    await asyncio.sleep(30)


async def _reset(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def _flood(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 65536)
        await writer.drain()


async def _drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while not writer.is_closing():
        writer.write(b"2")
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("probe", [*TUNNELS, Probe.SMTP_RELAY])
@pytest.mark.parametrize(
    ("server", "failures"),
    [
        (_hang_up, {Failure.CLOSED, Failure.STALLED}),
        (_silence, {Failure.STALLED}),
        (_reset, {Failure.RESET, Failure.CLOSED}),
        (_flood, {Failure.TOO_MUCH, Failure.GARBAGE}),
        (_drip, {Failure.STALLED, Failure.GARBAGE, Failure.DEADLINE, Failure.TOO_MUCH}),
    ],
)
async def test_whatever_a_server_does_is_a_fact(
    probe: Probe, server: Callable, failures: set[Failure], serve: Callable, context: Context
) -> None:
    """One row, its end named, within its time."""
    async with asyncio.timeout(5):
        (row,) = await opine(probe, serve, context, server)
    assert row.failure in failures
    assert row.step in {Step.CONNECTED, Step.SPOKE}
    assert row.bytes_in <= 96 * 1024 + 8192


@pytest.mark.parametrize("probe", [*TUNNELS, Probe.SMTP_RELAY])
async def test_an_abort_ends_it_at_once(probe: Probe, serve: Callable, context: Context) -> None:
    """An opt-out that came into force meanwhile."""
    slow = replace(context, timeouts=replace(context.timeouts, reply=20, tunnel=20, greeting=20))
    running = asyncio.create_task(opine(probe, serve, slow, _silence))
    async with asyncio.timeout(5):
        while not context.dialer.abort(lambda _: False):  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.01)
        (row,) = await running
    assert row.failure is Failure.ABORTED


@pytest.mark.parametrize("probe", [*TUNNELS, Probe.SMTP_RELAY])
async def test_no_bytes_raise(probe: Probe, serve: Callable, context: Context) -> None:
    """Whatever comes, at whatever point, is a row of at most the step that it earned."""
    draw = Random(20)  # the same bytes every time
    quick = replace(
        context, timeouts=replace(context.timeouts, reply=0.1, greeting=0.1, command=0.1)
    )
    starts = [
        GRANTS[Probe.HTTP_CONNECT],
        b"HTTP/1.1 101 X\r\n\r\n",
        b"\x05\x00\x05\x00\x00\x03\x04",
    ]
    starts += [
        b"\x05\x00",
        b"\x00\x5a",
        b"220 a\r\n",
        b"250-x\r\n",
        b"\x05\x00\x05\x00\x00\x09",
        b"",
    ]

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(draw.choice(starts) + draw.randbytes(draw.randrange(200)))
        await reader.read(1)
        writer.write(draw.randbytes(draw.randrange(50)) + b"\r\n")
        writer.close()

    port = await serve(talk)
    for _ in range(40):
        for row in await second_opinion(probe, LOOPBACK, port, quick):
            assert row.step in {Step.CONNECTED, Step.SPOKE, Step.ACCEPTED, Step.SENT}
            assert row.nonce == ""


class Mail:
    """A mail server from a table of replies; keeps what it heard and the message."""

    def __init__(self, **replies: bytes) -> None:
        self.replies = {
            "greeting": b"220 mail.example.com ESMTP\r\n",
            "EHLO": b"250-mail.example.com\r\n250 SIZE\r\n",
            "HELO": b"250 mail.example.com\r\n",
            "MAIL": b"250 ok\r\n",
            "RCPT": b"250 ok\r\n",
            "DATA": b"354 go on\r\n",
            "message": b"250 queued\r\n",
            "QUIT": b"221 bye\r\n",
        } | replies
        self.heard: list[bytes] = []
        self.message = b""

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        writer.write(self.replies["greeting"])
        while line := await reader.readline():
            self.heard.append(line)
            verb = line[:4].decode("latin-1").upper()
            nobody = line == b"RCPT TO:<>\r\n"
            writer.write(self.replies.get("nobody" if nobody else verb, self.replies[verb]))
            if verb == "DATA" and self.replies["DATA"].startswith(b"354"):
                self.message = await reader.readuntil(b"\r\n.\r\n")
                writer.write(self.replies["message"])
            if verb == "QUIT":
                return


class OwnNames:
    """Every name is the tested server's own."""

    async def points_to(self, name: bytes, ip: int) -> bool:  # noqa: ARG002 - the protocol's
        """It is."""
        return True


@pytest.mark.parametrize(
    ("replies", "answer"),
    [
        ({}, (Step.ACCEPTED, None, None, 250)),
        ({"nobody": b"501 5.1.3 no such path\r\n"}, (Step.SPOKE, None, "RCPT", 501)),
        ({"nobody": b"hello\r\n"}, (Step.SPOKE, Failure.GARBAGE, None, None)),
        ({"nobody": b""}, (Step.SPOKE, Failure.STALLED, None, None)),
    ],
)
async def test_another_client_asks_the_control_behind_a_message_with_the_same_bytes(
    replies: dict[str, bytes],
    answer: tuple[Step, Failure | None, str | None, int | None],
    serve: Callable,
    context: Context,
) -> None:
    """Whatever comes of it, the message was taken."""
    server = Mail(**replies)
    quick = replace(context.timeouts, greeting=0.5, command=0.5, relay=5)
    again = replace(context, timeouts=quick, only=("V1", "C2"))
    rows = await opine(Probe.SMTP_RELAY, serve, again, server)
    assert [(row.variant, row.client) for row in rows] == [
        ("V1", Client.AIOSMTPLIB),
        ("C2", Client.AIOSMTPLIB),
    ]
    assert (rows[0].step, rows[0].code) == (Step.SENT, 250)
    assert (rows[1].step, rows[1].failure, rows[1].refused_at, rows[1].code) == answer
    assert rows[1].token == ""
    told = b"".join(server.heard)
    assert re.search(rb"MAIL FROM:<[a-z2-7]{56}@canary\.example>\r\nRCPT TO:<>\r\n", told)


@pytest.mark.parametrize("variant", ["V1", "V0", "V3"])
async def test_a_relay_gets_the_same_envelope_and_message_from_another_client(
    variant: str, serve: Callable, context: Context
) -> None:
    """Tokens aside, byte for byte what our own dialogue says."""
    named = replace(context, names=OwnNames(), only=(variant,))
    ours, theirs = Mail(), Mail()
    (mine,) = await PROBES[Probe.SMTP_RELAY].run(LOOPBACK, await serve(ours), named)
    (row,) = await opine(Probe.SMTP_RELAY, serve, replace(named, attempt=1), theirs)
    token = re.compile(rb"[a-z2-7]{56}")
    assert [token.sub(b"t", line) for line in theirs.heard] == [
        token.sub(b"t", line) for line in ours.heard
    ]
    body = re.compile(rb"(?s)\r\n\r\n.*?to find out")  # date, port and token are before and after
    assert (
        body.sub(b"", token.sub(b"t", theirs.message))[-600:]
        == (body.sub(b"", token.sub(b"t", ours.message))[-600:])
    )
    assert (
        (row.variant, row.step, row.code)
        == (variant, Step.SENT, 250)
        == (
            mine.variant,
            mine.step,
            mine.code,
        )
    )
    assert (row.client, row.attempt) == (Client.AIOSMTPLIB, 1)
    recipient, mark = read_token(KEY, row.token), token.findall(theirs.message)
    assert recipient is not None
    assert (recipient.kind, recipient.attempt) == (TokenKind.RECIPIENT, 1)
    kinds = {claims.kind for one in mark if (claims := read_token(KEY, one)) is not None}
    assert kinds == {TokenKind.RECIPIENT, TokenKind.MESSAGE}


@pytest.mark.parametrize(
    ("replies", "at", "code", "step"),
    [
        ({"greeting": b"554 no\r\n"}, "GREETING", 554, Step.SPOKE),
        ({"EHLO": b"502 no\r\n", "HELO": b"550 no\r\n"}, "EHLO", 550, Step.SPOKE),
        ({"MAIL": b"451 later\r\n"}, "MAIL", 451, Step.SPOKE),
        ({"RCPT": b"554 5.7.1 relay denied\r\n"}, "RCPT", 554, Step.SPOKE),
        ({"DATA": b"554 no\r\n"}, "DATA", 554, Step.ACCEPTED),
        ({"message": b"554 no\r\n"}, "MESSAGE", 554, Step.ACCEPTED),
    ],
)
async def test_a_relay_s_refusal_is_recorded_where_it_came(  # noqa: PLR0917 - fixtures
    replies: dict[str, bytes], at: str, code: int, step: Step, serve: Callable, context: Context
) -> None:
    """As by our own dialogue."""
    (row,) = await opine(Probe.SMTP_RELAY, serve, context, Mail(**replies))
    assert (row.refused_at, row.code, row.step, row.failure) == (at, code, step, None)


async def test_old_servers_are_greeted_in_the_old_way(serve: Callable, context: Context) -> None:
    """HELO after a refused EHLO."""
    server = Mail(EHLO=b"502 no\r\n")
    (row,) = await opine(Probe.SMTP_RELAY, serve, context, server)
    assert row.step is Step.SENT
    assert [line[:4] for line in server.heard][:2] == [b"EHLO", b"HELO"]


async def test_a_name_that_is_not_its_own_is_not_used(serve: Callable, context: Context) -> None:
    """Law 2: no mailbox of a third party is named."""
    server = Mail()
    (row,) = await opine(Probe.SMTP_RELAY, serve, replace(context, only=("V3",)), server)
    assert (row.variant, row.step) == ("V3", Step.SPOKE)
    assert not any(line.startswith(b"MAIL") for line in server.heard)


async def test_no_message_beyond_the_limit_or_to_an_ill_canary(
    serve: Callable, context: Context
) -> None:
    """The same limits as for our own dialogue, counted together."""
    full = replace(context, messages=Messages({LOOPBACK: MOST_MESSAGES}))
    for held in (full, replace(context, canary_healthy=lambda: False)):
        server = Mail()
        (row,) = await opine(Probe.SMTP_RELAY, serve, held, server)
        assert (row.step, row.failure) == (Step.ACCEPTED, Failure.ABORTED)
        assert server.message == b""
    one_left = Messages({LOOPBACK: MOST_MESSAGES - 1})
    await opine(Probe.SMTP_RELAY, serve, replace(context, messages=one_left), Mail())
    assert not one_left.left(LOOPBACK)


def test_only_plain_envelopes_are_another_client_s_business(context: Context) -> None:
    """Quoted and routed ones are rewritten by aiosmtplib."""
    plain = {form.variant for form in FORMS if opinion_smtp.carries(form)}
    assert {"V0", "V1", "V3"} <= plain
    assert not any(variant.startswith("C") for variant in plain)
    for pattern in ('"{recipient}@{domain}"', "@{domain}:{recipient}@{domain}", "{recipient}%x"):
        odd = replace(FORMS[0], recipient=pattern)
        assert opinion_smtp.carries(odd) == ("%" in pattern)
    assert client_for(Probe.SMTP_RELAY, context) is Client.AIOSMTPLIB
    assert client_for(Probe.SMTP_RELAY, replace(context, only=("C0",))) is Client.SAME_CLIENT


class Fetcher:
    """A proxy that fetches: its answer is our canary's, or something else."""

    def __init__(self, head: bytes, page: bytes | None = None, *, cut: int = 1000) -> None:
        self.head, self.page, self.cut = head, page, cut
        self.heard: list[bytes] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self.heard.append(await reader.readuntil(b"\r\n\r\n"))
        token = re.findall(rb"[a-z2-7]{56}", self.heard[0])[0].decode()
        page = answer(make_nonce(KEY, token, b"x")) if self.page is None else self.page
        reply = self.head.replace(b"%", b"%d" % len(page)) + page
        for at in range(0, len(reply), self.cut):
            writer.write(reply[at : at + self.cut])
            await writer.drain()
            await asyncio.sleep(0)
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize("cut", [9, 1000])
@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: %\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nVia: 1.1 x\r\n\r\n",
    ],
)
async def test_a_page_is_fetched_by_another_client_with_the_same_bytes(
    serve: Callable, context: Context, head: bytes, cut: int
) -> None:
    """From the port that waits for the client."""
    ours, theirs = Fetcher(head, cut=cut), Fetcher(head, cut=cut)
    (first,) = await PROBES[Probe.HTTP_GET].run(LOOPBACK, await serve(ours), context)
    (row,) = await opine(Probe.HTTP_GET, serve, replace(context, attempt=1), theirs)
    names = [re.sub(rb"[a-z2-7]{56}", b"token", fetcher.heard[0]) for fetcher in (ours, theirs)]
    assert names[0] == names[1]
    assert (row.step, row.failure, row.client) == (Step.ECHOED, None, Client.H11)
    assert (row.variant, row.canary_port, row.attempt) == ("web", 27, 1)
    assert first.nonce
    assert row.nonce == make_nonce(KEY, row.token, b"x")


@pytest.mark.parametrize(
    ("head", "page", "end"),
    [
        (b"HTTP/1.1 403 No\r\nContent-Length: %\r\n\r\n", b"no", (Step.SPOKE, "GET", 403, None)),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: %\r\n\r\n",
            b"<html>",
            (Step.SPOKE, None, 200, Failure.GARBAGE),
        ),
        (
            b"HTTP/1.1 200 OK\r\n\r\n",
            b"x" * 20_000,
            (Step.SPOKE, None, 200, Failure.GARBAGE),
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n",
            b"short",
            (Step.SPOKE, None, 200, Failure.CLOSED),
        ),
        (b"SSH-2.0-x\r\n", b"", (Step.CONNECTED, None, None, Failure.CLOSED)),
    ],
)
async def test_another_page_is_no_proof_for_another_client(
    serve: Callable, context: Context, head: bytes, page: bytes, end: tuple[object, ...]
) -> None:
    """A refusal, a web server, an answer that was cut off, no HTTP."""
    (row,) = await opine(Probe.HTTP_GET, serve, context, Fetcher(head, page))
    assert (row.step, row.refused_at, row.code, row.failure) == end
    assert row.nonce == ""
