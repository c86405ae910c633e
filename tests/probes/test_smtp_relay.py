"""The relay probe against scripted servers: one connection, at most one message, only facts."""

import asyncio
import contextlib
import re
import socket
import struct
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest

from survey.model.address import Range, parse_ip
from survey.model.failure import Failure
from survey.model.observation import MAX_EVIDENCE, Observation, Protocol, Step
from survey.probes import smtp_relay
from survey.probes.context import Context
from survey.probes.evidence import MAX_BYTES
from survey.probes.messages import MOST_MESSAGES, Messages
from survey.protocols.token import TokenKind, read_token
from survey.targets.gate import Gate
from survey.targets.optouts import add

LOOPBACK = parse_ip("127.0.0.1")
GREETING = b"220 mail.example.com ESMTP\r\n"


class OwnNames:
    """Every name belongs to every address."""

    async def points_to(self, name: bytes, ip: int) -> bool:
        """Yes."""
        del name, ip
        return True


class Mail:
    """A scripted mail server: replies by verb, one connection after another."""

    def __init__(self, **replies: bytes) -> None:
        self.replies = {
            "greeting": GREETING,
            "EHLO": b"250-mail.example.com\r\n250 SIZE 1000\r\n",
            "HELO": b"250 mail.example.com\r\n",
            "MAIL": b"250 ok\r\n",
            "RCPT": b"554 5.7.1 relay denied\r\n",
            "RSET": b"250 ok\r\n",
            "DATA": b"354 go on\r\n",
            "message": b"250 queued\r\n",
            "QUIT": b"221 bye\r\n",
            "STAR": b"502 what?\r\n",
        } | replies
        self.heard: list[bytes] = []
        self.message = b""
        self.calls = 0
        self.piece = 100_000

    async def say(self, writer: asyncio.StreamWriter, what: str) -> None:
        """One reply, in pieces."""
        data = self.replies[what]
        for at in range(0, len(data), self.piece):
            writer.write(data[at : at + self.piece])
            await writer.drain()
            if self.piece < len(data):
                await asyncio.sleep(0.001)

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self.calls += 1
        await self.say(writer, "greeting")
        while line := await reader.readline():
            self.heard.append(line)
            verb = line[:4].decode("latin-1").upper()
            await self.say(writer, verb)
            if verb == "DATA" and self.replies["DATA"].startswith(b"354"):
                self.message = await reader.readuntil(b"\r\n.\r\n")
                await self.say(writer, "message")
            if verb == "QUIT":
                return


async def probe(serve: Callable, context: Context, server: Callable) -> tuple[Observation, ...]:
    """Test a scripted server."""
    return await smtp_relay.run(LOOPBACK, await serve(server), context)


@pytest.fixture
def named(context: Context) -> Context:
    """A context in which servers own the names that they give themselves."""
    return replace(context, names=OwnNames())


async def test_a_closed_server_gives_one_row_per_form(serve: Callable, named: Context) -> None:
    """Over two connections, each with its token and reply; no message."""
    server = Mail()
    rows = await probe(serve, named, server)
    assert server.calls == 2
    assert server.message == b""
    assert [row.variant for row in rows] == ["V1", "V3", "V0", "C0", "V2", "V5", "V6", "C1"]
    for row in rows:
        assert (row.step, row.failure, row.protocol) == (Step.SPOKE, None, Protocol.SMTP)
        assert (row.refused_at, row.code) == ("RCPT", 554)
        assert row.reply == b"554 5.7.1 relay denied\r\n"
        assert row.received.startswith(GREETING)
        assert row.sent.startswith(b"EHLO probe.example\r\n")
        assert (row.canary_port, row.tls, row.attempt) == (0, False, 0)
    assert server.heard[-1] == b"QUIT\r\n"
    for row in rows:
        if row.variant.startswith("C"):
            assert row.token == ""
            continue
        claims = read_token(named.key, row.token)
        assert claims is not None
        assert (claims.ip, claims.variant, claims.kind) == (
            LOOPBACK,
            row.variant,
            TokenKind.RECIPIENT,
        )


async def test_envelopes_are_exact_and_name_only_our_mailboxes_and_its_postmaster(
    serve: Callable, named: Context
) -> None:
    """Law 2."""
    server = Mail()
    await probe(serve, named, server)
    mailboxes = re.findall(rb"<([^>]*)>", b"".join(server.heard))
    assert len(mailboxes) == 16
    for mailbox in mailboxes:
        local, _, domain = mailbox.partition(b"@")
        if domain in {b"canary.example", b"canary.test", b"localhost", b"nxdomain.invalid"}:
            assert read_token(named.key, local) is not None
        else:
            assert mailbox in {b"", b"postmaster", b"postmaster@mail.example.com"}


async def test_an_open_relay_gets_one_honest_message(serve: Callable, context: Context) -> None:
    """With the same message's mark inside; then we leave."""
    server = Mail(RCPT=b"250 ok\r\n")
    (row,) = await probe(serve, context, server)
    assert (row.variant, row.step, row.code, row.failure) == ("V1", Step.SENT, 250, None)
    assert row.reply == b"250 queued\r\n"
    assert [line[:4] for line in server.heard] == [b"EHLO", b"MAIL", b"RCPT", b"DATA", b"QUIT"]
    sent_to = read_token(context.key, row.token)
    marks = [read_token(context.key, line) for line in server.message.splitlines()]
    assert sent_to is not None
    assert replace(sent_to, kind=TokenKind.MESSAGE) in marks
    assert b"https://survey.example" in server.message


async def test_a_follow_up_asks_the_control_behind_a_message(
    serve: Callable, context: Context
) -> None:
    """A row of its own, without a token; a scan never asks."""
    server = Mail(RCPT=b"250 ok\r\n")
    rows = await probe(serve, replace(context, only=("V1", "C2")), server)
    assert [(row.variant, row.step, bool(row.token)) for row in rows] == [
        ("V1", Step.SENT, True),
        ("C2", Step.ACCEPTED, False),
    ]
    assert server.heard[-2:] == [b"RCPT TO:<>\r\n", b"QUIT\r\n"]
    assert rows[0].attempt == rows[1].attempt


@pytest.mark.parametrize("piece", [1, 2, 3, 5])
async def test_replies_in_pieces_are_the_same_replies(
    serve: Callable, context: Context, piece: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However the network cuts them."""
    monkeypatch.setattr(smtp_relay, "FORM_PACKETS", 1_000)
    server = Mail()
    server.piece = piece
    context = replace(context, timeouts=replace(context.timeouts, greeting=5, command=5, relay=20))
    rows = await probe(serve, context, server)
    assert {row.code for row in rows} == {554}
    assert [row.variant for row in rows] == ["V1", "V0", "V2", "V5", "V6", "C1"]


@pytest.mark.parametrize(
    ("replies", "end"),
    [
        ({"greeting": b"554 no\r\n"}, (Step.SPOKE, None, "GREETING", 554)),
        ({"greeting": b"421 busy\r\n"}, (Step.SPOKE, None, "GREETING", 421)),
        ({"greeting": b"220-wait\r\n220 mail.example.com\r\n"}, (Step.SPOKE, None, "RCPT", 554)),
        ({"greeting": b"220 lf only\n"}, (Step.SPOKE, None, "RCPT", 554)),
        ({"greeting": b"220 \xff\x00\xfe\r\n"}, (Step.SPOKE, None, "RCPT", 554)),
        ({"EHLO": b"502 no\r\n"}, (Step.SPOKE, None, "RCPT", 554)),
        ({"EHLO": b"502 no\r\n", "HELO": b"502 no\r\n"}, (Step.SPOKE, None, "EHLO", 502)),
        ({"MAIL": b"530 5.7.0 STARTTLS first\r\n"}, (Step.SPOKE, None, "STARTTLS", 502)),
        ({"MAIL": b"530 5.7.0 Log in first\r\n"}, (Step.SPOKE, None, "MAIL", 530)),
        ({"RCPT": b"454 4.7.1 denied\r\n"}, (Step.SPOKE, None, "RCPT", 454)),
        ({"RCPT": b"421 4.7.0 bye\r\n"}, (Step.SPOKE, None, "RCPT", 421)),
        ({"RCPT": b"250 ok\r\n", "DATA": b"554 no\r\n"}, (Step.ACCEPTED, None, "DATA", 554)),
        ({"RCPT": b"250 ok\r\n", "message": b"554 x\r\n"}, (Step.ACCEPTED, None, "MESSAGE", 554)),
        ({"greeting": b"hello\r\n"}, (Step.CONNECTED, Failure.GARBAGE, None, None)),
        ({"greeting": b"999 hello\r\n"}, (Step.CONNECTED, Failure.GARBAGE, None, None)),
        ({"greeting": b"-1 hello\r\n"}, (Step.CONNECTED, Failure.GARBAGE, None, None)),
        ({"greeting": b"SSH-2.0-x\r\n"}, (Step.CONNECTED, Failure.WRONG_PROTOCOL, None, None)),
        ({"EHLO": b"250-x\r\n\r\n250 x\r\n"}, (Step.SPOKE, Failure.GARBAGE, None, None)),
        ({"EHLO": b"hello\r\n"}, (Step.SPOKE, Failure.GARBAGE, None, None)),
        ({"greeting": b""}, (Step.CONNECTED, Failure.STALLED, None, None)),
        ({"greeting": b"220 no end"}, (Step.CONNECTED, Failure.STALLED, None, None)),
        ({"MAIL": b""}, (Step.SPOKE, Failure.STALLED, None, None)),
        ({"RCPT": b"250-more\r\n"}, (Step.SPOKE, Failure.STALLED, None, None)),
        ({"EHLO": b"250-x\r\n" * 10000}, (Step.SPOKE, Failure.TOO_MUCH, None, None)),
        ({"EHLO": b"250 " + b"x" * 40000}, (Step.SPOKE, Failure.TOO_MUCH, None, None)),
    ],
)
async def test_whatever_a_server_says_is_a_fact(
    serve: Callable,
    context: Context,
    replies: dict[str, bytes],
    end: tuple[Step, Failure | None, str | None, int | None],
) -> None:
    """How far it got, why no farther, where it refused, and its code."""
    row = (await probe(serve, context, Mail(**replies)))[0]
    assert (row.step, row.failure, row.refused_at, row.code) == end
    assert len(row.received) <= MAX_EVIDENCE
    assert len(row.reply) <= MAX_EVIDENCE


async def test_a_server_that_talks_out_of_turn_is_not_misheard(
    serve: Callable, context: Context
) -> None:
    """Bytes that came before a command are no reply to it: its refusals stay refusals."""
    server = Mail(EHLO=b"250 a\r\n250 b\r\n", MAIL=b"250 ok\r\n250 again\r\n")
    rows = await probe(serve, context, server)
    assert {(row.refused_at, row.code) for row in rows} == {("RCPT", 554)}


async def test_a_reset_is_a_reset(serve: Callable, context: Context) -> None:
    """After the greeting."""

    async def server(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(GREETING)
        await reader.readline()
        sock = writer.transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    (row,) = await probe(serve, context, server)
    assert (row.step, row.failure) == (Step.SPOKE, Failure.RESET)


async def test_a_close_is_closed(serve: Callable, context: Context) -> None:
    """Before the greeting, and after it."""

    async def mute(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async def rude(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(GREETING)
        await writer.drain()
        writer.close()

    assert [(r.step, r.failure) for r in await probe(serve, context, mute)] == [
        (Step.CONNECTED, Failure.CLOSED)
    ]
    (row,) = await probe(serve, context, rude)
    assert row.step is Step.SPOKE
    assert row.failure in {Failure.CLOSED, Failure.RESET}


async def test_a_drip_can_t_stretch_a_reply(serve: Callable, context: Context) -> None:
    """Nor can many of them stretch the whole."""

    async def server(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not writer.is_closing():
            writer.write(b"2")
            await asyncio.sleep(0.02)

    (row,) = await probe(serve, context, server)
    assert row.failure is Failure.STALLED
    short = replace(context, timeouts=replace(context.timeouts, relay=0.2))
    (row,) = await probe(serve, short, server)
    assert row.failure is Failure.DEADLINE


async def test_a_flood_between_commands_is_cut(serve: Callable, named: Context) -> None:
    """Aiosmtplib drops such bytes uncounted; we count."""

    class Flood:
        """Looks a name up for as long as it takes."""

        async def points_to(self, name: bytes, ip: int) -> bool:
            """Late."""
            del name, ip
            await asyncio.sleep(0.5)
            return True

    async def server(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(GREETING)
        await reader.readline()
        writer.write(b"250 mail.example.com\r\n")
        while True:
            writer.write(b"250 more\r\n" * 1000)
            await writer.drain()
            await asyncio.sleep(0)

    (row,) = await probe(serve, replace(named, names=Flood()), server)
    assert row.failure is Failure.TOO_MUCH
    assert MAX_BYTES < row.bytes_in < 10 * MAX_BYTES


async def test_a_name_server_that_never_answers_is_a_no(serve: Callable, context: Context) -> None:
    """The whole's limit holds for it too."""

    class Never:
        """Never tells."""

        async def points_to(self, name: bytes, ip: int) -> bool:
            """Never."""
            del name, ip
            await asyncio.sleep(60)
            return True

    limits = replace(context.timeouts, relay=0.3)
    rows = await probe(serve, replace(context, names=Never(), timeouts=limits), Mail())
    assert rows[-1].failure is Failure.DEADLINE  # a loop may wake us a moment early


@pytest.mark.parametrize("answers", [[False], [True, False]])
async def test_no_message_while_the_canary_is_not_well(
    serve: Callable, context: Context, answers: list[bool]
) -> None:
    """Asked right before DATA and right before the message."""
    server = Mail(RCPT=b"250 ok\r\n")
    asked = iter(answers)
    unwell = replace(context, canary_healthy=lambda: next(asked))
    (row,) = await probe(serve, unwell, server)
    assert (row.step, row.failure) == (Step.ACCEPTED, Failure.ABORTED)
    assert server.message == b""


async def test_an_abort_ends_it_at_once(serve: Callable, context: Context) -> None:
    """An opt-out that came into force meanwhile."""
    greeted = asyncio.Event()

    async def server(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(GREETING)
        await reader.readline()
        greeted.set()
        await reader.read()

    patient = replace(context, timeouts=replace(context.timeouts, command=60, relay=60))
    task = asyncio.create_task(probe(serve, patient, server))
    await greeted.wait()
    assert context.dialer.abort(lambda _: False) == 1
    (row,) = await task
    assert (row.step, row.failure) == (Step.SPOKE, Failure.ABORTED)
    assert context.dialer.running == 0


async def test_nobody_there_is_one_row(context: Context) -> None:
    """The first form's, which was never said."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        (row,) = await smtp_relay.run(LOOPBACK, bound.getsockname()[1], context)
    assert (row.variant, row.step, row.failure) == ("V1", Step.NOTHING, Failure.REFUSED)
    assert (row.token, row.bytes_out) == ("", 0)


def some_reply(random: Random) -> bytes:
    """A reply, or something like one."""
    code = random.randrange(200, 600)
    return random.choice(
        [
            b"%d x\r\n" % code,
            b"%d-x\r\n%d x\r\n" % (code, code),
            b"250 ok\r\n",
            b"354 go on\r\n",
            b"250 \0\xff\r\n",
            random.randbytes(random.randrange(60)) + b"\n",
        ]
    )


async def test_no_bytes_raise_or_bring_a_second_message(serve: Callable, context: Context) -> None:
    """Whatever is answered, line by line: rows, each in its bounds."""
    random = Random(7)
    messages = 0

    async def server(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal messages
        writer.write(random.choice([GREETING, some_reply(random)]))
        while line := await reader.readline():
            messages += line.startswith(b"Message-ID")
            if random.random() < 0.05:
                return
            writer.write(some_reply(random))

    port = await serve(server)
    hasty = replace(context, timeouts=replace(context.timeouts, greeting=0.05, command=0.05))
    for _ in range(40):
        before = messages
        rows = await smtp_relay.run(LOOPBACK, port, hasty)
        assert 1 <= len(rows) <= 8
        assert all(row.step is not Step.ECHOED and not row.nonce for row in rows)
        assert messages - before <= 1


async def test_nothing_is_said_before_the_whole_greeting(serve: Callable, context: Context) -> None:
    """A postscreen turns away who talks into its teaser."""
    early: list[bytes] = []

    async def server(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for line in (b"220-mail.example.com is thinking\r\n", b"220-still\r\n", b"220 mail.exam"):
            writer.write(line)
            with contextlib.suppress(TimeoutError):
                early.append(await asyncio.wait_for(reader.read(100), 0.05))
        writer.write(b"ple.com ESMTP\r\n")
        await Mail(greeting=b"")(reader, writer)

    rows = await probe(serve, context, server)
    assert early == []
    assert {row.code for row in rows} == {554}


async def test_who_hangs_up_at_a_refusal_is_asked_the_rest_once_more(
    serve: Callable, named: Context
) -> None:
    """Many closed servers do; this one is open to senders at its own name."""
    calls: list[list[bytes]] = []

    async def server(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        calls.append([])
        writer.write(GREETING)
        own = False
        while line := await reader.readline():
            calls[-1].append(line)
            own = own or b"postmaster@" in line
            if line.startswith(b"RCPT") and not own:
                writer.write(b"554 no\r\n")
                return
            writer.write(b"354 go\r\n" if line.startswith(b"DATA") else b"250 mail.example.com\r\n")
            if line.startswith(b"DATA"):
                await reader.readuntil(b"\r\n.\r\n")
                writer.write(b"250 queued\r\n")

    rows = await probe(serve, named, server)
    assert [(row.variant, row.step) for row in rows] == [("V1", Step.SPOKE), ("V3", Step.SENT)]
    assert len(calls) == 2
    assert calls[1][1].startswith(b"MAIL FROM:<postmaster@mail.example.com>")


async def test_an_opt_out_between_two_connections_is_in_force(
    serve: Callable, context: Context, optouts: Path, gate: Gate
) -> None:
    """What was seen before it is kept; nothing more is sent."""
    server = Mail()
    say = server.say

    async def opting_out(writer: asyncio.StreamWriter, what: str) -> None:
        if what == "QUIT":
            now = datetime.now(UTC)
            add(optouts, (Range(LOOPBACK, LOOPBACK),), "owner", "mail", now, now)
            gate.refresh()
        await say(writer, what)

    server.say = opting_out  # type: ignore[method-assign]
    rows = await probe(serve, context, server)
    assert server.calls == 1
    assert [(row.variant, row.failure) for row in rows] == [
        ("V1", None),
        ("V0", None),
        ("V2", Failure.ABORTED),
    ]


async def test_bytes_one_by_one_end_with_what_was_charged(
    serve: Callable, context: Context
) -> None:
    """Each makes our kernel acknowledge it; the cap counts that too (law 5)."""

    async def server(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not writer.is_closing():
            writer.write(b"2")
            await asyncio.sleep(0)

    patient = replace(context, timeouts=replace(context.timeouts, greeting=60, relay=60))
    (row,) = await probe(serve, patient, server)
    assert row.failure is Failure.TOO_MUCH
    assert row.bytes_in < MAX_BYTES


async def test_only_the_wanted_envelopes_are_tried(serve: Callable, named: Context) -> None:
    """A follow-up tries what is left; who is not there leaves a row of a wanted one."""
    server = Mail()
    rows = await probe(serve, replace(named, only=("V0", "V3")), server)
    assert [row.variant for row in rows] == ["V3", "V0"]
    silent = replace(named, only=("V0",))
    (row,) = await probe(serve, silent, Mail(greeting=b"554 go away\r\n"))
    assert (row.variant, row.refused_at) == ("V0", "GREETING")


async def test_a_form_that_can_t_be_tried_still_leaves_a_row(
    serve: Callable, context: Context
) -> None:
    """The server's own name is not proven, so V3 names nobody."""
    (row,) = await probe(serve, replace(context, only=("V3",)), Mail())
    assert (row.variant, row.step, row.token) == ("V3", Step.SPOKE, "")


async def test_a_triplet_is_kept_when_an_old_attempt_s_tokens_are_used(
    serve: Callable, context: Context
) -> None:
    """A greylist lets the same sender and recipient pass; the row is a new attempt's."""
    (first, *_) = await probe(serve, context, Mail())
    again = replace(context, attempt=2, token_attempt=0)
    (second, *_) = await probe(serve, again, Mail())
    claims = [read_token(context.key, row.token) for row in (first, second)]
    assert all(claims)
    assert [claim and claim.attempt for claim in claims] == [0, 0]
    assert (first.attempt, second.attempt) == (0, 2)


async def test_a_host_gets_no_message_beyond_the_limit(serve: Callable, context: Context) -> None:
    """Whoever sent the others; each is written down before it leaves."""
    noted: list[int] = []
    limited = replace(context, messages=Messages({LOOPBACK: MOST_MESSAGES - 1}, noted.append))
    server = Mail(RCPT=b"250 ok\r\n")
    (row,) = await probe(serve, limited, server)
    assert row.step is Step.SENT
    assert noted == [LOOPBACK]
    server = Mail(RCPT=b"250 ok\r\n")
    (row,) = await probe(serve, limited, server)
    assert (row.step, row.failure) == (Step.ACCEPTED, Failure.ABORTED)
    assert server.message == b""
    assert noted == [LOOPBACK]
