"""The relay probe and TLS: servers that want it first, ports that begin with it."""

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import replace
from random import Random

import pytest
from mail_server import GREETING, TLS_FIRST, MailServer

from survey.model.address import parse_ip
from survey.model.failure import Failure
from survey.model.observation import MAX_EVIDENCE, Observation, Protocol, Step
from survey.model.plan import Depth, ProbePlan
from survey.model.probe import Probe
from survey.probes import smtp_relay
from survey.probes.context import Context
from survey.probes.evidence import MAX_BYTES
from survey.protocols.token import TokenKind, read_token

LOOPBACK = parse_ip("127.0.0.1")
TRUSTING = {"RCPT": b"250 ok\r\n"}


async def probe(
    serve: Callable, context: Context, server: Callable, *, tls: bool = False
) -> tuple[Observation, ...]:
    """Test a scripted server, on a port that begins with TLS or not."""
    port = await serve(server)
    part = ProbePlan(Probe.SMTP_RELAY, (), (port,)) if tls else ProbePlan(Probe.SMTP_RELAY, (port,))
    patient = replace(context.timeouts, greeting=3, command=3, relay=10)
    return await smtp_relay.run(LOOPBACK, port, replace(context, parts=(part,), timeouts=patient))


async def test_an_open_relay_behind_starttls_is_found(serve: Callable, context: Context) -> None:
    """One message, inside TLS; row and tokens say so."""
    server = MailServer({"MAIL": TLS_FIRST}, {"MAIL": b"250 ok\r\n"} | TRUSTING)
    (row,) = await probe(serve, context, server)
    assert (row.variant, row.step, row.code, row.tls) == ("V1", Step.SENT, 250, True)
    assert len(server.messages) == 1
    claims = read_token(context.key, row.token)
    assert claims is not None
    assert claims.tls
    mark = replace(claims, kind=TokenKind.MESSAGE)
    assert mark in [
        read_token(context.key, line.strip()) for line in server.messages[0].splitlines()
    ]


async def test_evidence_is_what_was_said_inside(serve: Callable, context: Context) -> None:
    """Readable both ways; the counts are those of the wire."""
    server = MailServer({"MAIL": TLS_FIRST}, {"MAIL": b"250 ok\r\n"})
    row = (await probe(serve, context, server))[0]
    assert row.received.startswith(GREETING)
    assert TLS_FIRST in row.received
    assert b"STARTTLS\r\nEHLO probe.example\r\nMAIL FROM:<" in row.sent
    assert row.bytes_in > len(row.received) + 500
    assert row.bytes_out > len(row.sent)


async def test_a_closed_server_behind_starttls_is_asked_inside_at_once_the_second_time(
    serve: Callable, context: Context
) -> None:
    """No envelope is said in the clear in the second connection."""
    server = MailServer({"MAIL": TLS_FIRST}, {"MAIL": b"250 ok\r\n"})
    rows = await probe(serve, context, server)
    assert [row.variant for row in rows] == ["V1", "V0", "V2", "V5", "V6", "C1"]
    assert all(row.tls and row.code == 554 for row in rows)
    assert server.calls == 2
    second = server.heard[server.heard.index(b"QUIT\r\n") + 1 :]
    assert second[:3] == [b"EHLO probe.example\r\n", b"STARTTLS\r\n", b"EHLO probe.example\r\n"]


@pytest.mark.parametrize("piece", [0, 1, 7])
async def test_an_open_relay_inside_tls_is_found(
    serve: Callable, context: Context, piece: int
) -> None:
    """A port that begins with it, as 465 does; however its replies are cut."""
    server = MailServer(TRUSTING, at_once=True, piece=piece)
    (row,) = await probe(serve, context, server, tls=True)
    assert (row.step, row.tls, row.failure) == (Step.SENT, True, None)
    assert row.received.startswith(GREETING)
    assert len(server.messages) == 1


async def test_a_server_that_can_t_do_what_it_demands(serve: Callable, context: Context) -> None:
    """Its refusal of STARTTLS is the row; nobody asks again."""
    server = MailServer({"MAIL": TLS_FIRST, "STARTTLS": b"454 4.7.0 TLS not available\r\n"})
    (row,) = await probe(serve, context, server)
    assert (row.step, row.refused_at, row.code, row.tls) == (Step.SPOKE, "STARTTLS", 454, False)
    assert server.calls == 1


@pytest.mark.parametrize(
    ("words", "failure", "protocol"),
    [
        (GREETING, Failure.WRONG_PROTOCOL, Protocol.SMTP),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", Failure.WRONG_PROTOCOL, Protocol.HTTP),
        (b"\x15\x03\x01\x00\x02\x02\x28", Failure.HANDSHAKE, Protocol.TLS),  # handshake_failure
        (b"\0" * 64, Failure.HANDSHAKE, None),
    ],
)
async def test_a_port_that_should_begin_with_tls_and_does_not(
    serve: Callable, context: Context, words: bytes, failure: Failure, protocol: Protocol | None
) -> None:
    """What came instead is evidence."""

    async def server(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(words)
        await reader.read()

    (row,) = await probe(serve, context, server, tls=True)
    assert (row.step, row.failure, row.protocol) == (Step.CONNECTED, failure, protocol)
    assert row.received.startswith(words[:MAX_EVIDENCE])
    assert row.tls


@pytest.mark.parametrize("tls", [True, False])
async def test_a_handshake_that_never_ends_is_stalled(
    serve: Callable, context: Context, *, tls: bool
) -> None:
    """Within the limit of one reply."""

    async def server(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not tls:
            writer.write(GREETING)
            for reply in (b"250 mail.example.com\r\n", TLS_FIRST, b"220 go\r\n"):
                await reader.readline()
                writer.write(reply)
        await reader.read(100)
        await asyncio.sleep(30)

    port = await serve(server)
    part = ProbePlan(Probe.SMTP_RELAY, (), (port,) if tls else ())
    (row,) = await smtp_relay.run(LOOPBACK, port, replace(context, parts=(part,)))
    assert row.failure is Failure.STALLED


async def test_bytes_without_end_in_a_handshake_are_too_much(
    serve: Callable, context: Context
) -> None:
    """Counted as they come on the wire."""

    async def server(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        record = b"\x16\x03\x03\x40\x00" + b"\x0b\xff\xff\xff" + bytes(0x3FFC)  # a huge certificate
        while not writer.is_closing():
            writer.write(record)
            await writer.drain()

    (row,) = await probe(serve, context, server, tls=True)
    assert row.failure in {Failure.TOO_MUCH, Failure.HANDSHAKE}
    assert row.bytes_in <= MAX_BYTES + 300_000


async def test_what_was_glued_to_the_go_ahead_is_no_word_of_tls(
    serve: Callable, context: Context
) -> None:
    """Else whoever sits in between could put words into the server's mouth (CVE-2011-0411)."""
    server = MailServer(
        {"MAIL": TLS_FIRST, "STARTTLS": b"220 go ahead\r\n250 injected\r\n"},
        {"EHLO": b"554 no\r\n", "HELO": b"554 no\r\n"},
    )
    (row,) = await probe(serve, context, server)
    assert b"250 injected" not in row.reply
    assert (row.refused_at, row.code) in {("EHLO", 554), (None, None)}


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_no_certificate_is_looked_at(
    serve: Callable, context: Context, version: ssl.TLSVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is made up, and for another name; old versions do, too."""
    from survey.lab.certificate import server_context  # noqa: PLC0415

    own = server_context.__wrapped__()
    own.maximum_version = version
    monkeypatch.setattr("mail_server.server_context", lambda: own)
    (row,) = await probe(serve, context, MailServer(TRUSTING, at_once=True), tls=True)
    assert row.step is Step.SENT


async def test_depth_decides_how_many_envelopes_go_out(serve: Callable, context: Context) -> None:
    """Four connections, inside TLS, too."""

    class OwnNames:
        """Every name belongs to every address."""

        async def points_to(self, name: bytes, ip: int) -> bool:
            """Yes."""
            del name, ip
            return True

    server = MailServer(at_once=True)
    port = await serve(server)
    part = ProbePlan(Probe.SMTP_RELAY, (), (port,), Depth.FULL)
    patient = replace(context.timeouts, greeting=3, command=3, relay=10)
    full = replace(context, parts=(part,), names=OwnNames(), timeouts=patient)
    rows = await smtp_relay.run(LOOPBACK, port, full)
    assert len(rows) == 26
    assert server.calls == 4
    assert server.messages == []


async def test_no_bytes_inside_tls_raise_or_bring_a_second_message(
    serve: Callable, context: Context
) -> None:
    """Whatever a stranger says there: rows within their bounds."""
    random = Random(9)

    def anything(_: bytes) -> bytes:
        code = random.randrange(200, 600)
        return random.choice(
            [b"%d x\r\n" % code, b"250 ok\r\n", b"354 go\r\n", random.randbytes(40) + b"\n"]
        )

    words = dict.fromkeys(("EHLO", "HELO", "MAIL", "RCPT", "RSET", "DATA", "QUIT"), anything)
    server = MailServer({"greeting": anything} | words, at_once=True)
    port = await serve(server)
    part = ProbePlan(Probe.SMTP_RELAY, (), (port,))
    hasty = replace(context.timeouts, greeting=0.2, command=0.2, message=0.2)
    for _ in range(20):
        server.messages.clear()
        rows = await smtp_relay.run(LOOPBACK, port, replace(context, parts=(part,), timeouts=hasty))
        assert 1 <= len(rows) <= 8
        assert len(server.messages) <= 1
        assert all(row.tls and len(row.received) <= MAX_EVIDENCE for row in rows)
