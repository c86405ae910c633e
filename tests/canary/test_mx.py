"""Our MX over real sockets."""

import asyncio
import contextlib
import smtplib
from collections.abc import AsyncIterator, Awaitable, Callable
from email.message import EmailMessage
from typing import Any

import pytest

from survey.canary import postmaster
from survey.canary.limits import Limits
from survey.canary.log import ArrivalLog
from survey.canary.server import Running
from survey.protocols.token import TokenKind

DOMAIN = "canary.example"


@pytest.fixture
async def up(stand: Any) -> AsyncIterator[Running]:
    """A canary that runs during the test."""
    async with stand.up() as running:
        yield running


def _body(*words: str) -> bytes:
    return ("Subject: test\r\n\r\n" + "\r\n".join(words) + "\r\n").encode()


async def test_relayed_message_is_complete(up: Running, stand: Any) -> None:
    """Recipient token in the envelope and its own message token in the body: the proof."""
    tokens = stand.tokens

    replies = await stand.mail(
        up.smtp_port, [f"{tokens.recipient}@{DOMAIN}"], _body("x", tokens.message)
    )

    assert replies == [b"250 2.1.5 OK", b"250 2.0.0 OK"]
    (line,) = stand.lines.all()
    assert (line["kind"], line["token"], line["complete"]) == ("message", tokens.recipient, True)
    assert line["sender"] == f"{tokens.sender}@{DOMAIN}"
    assert line["helo"] == "relay.example"
    assert line["nonce"] == ""
    assert line["size"] == len(_body("x", tokens.message)) + 2


async def test_standard_library_s_client_is_understood(up: Running, stand: Any) -> None:
    """An ordinary mail program, an ordinary encoded message, a folded token."""
    tokens = stand.tokens
    message = EmailMessage()
    message["Subject"] = "prueba"
    message.set_content(f"áéí\n{tokens.message.upper()}\n", cte="base64")

    def send() -> None:
        with smtplib.SMTP("127.0.0.1", up.smtp_port, "relay.example") as client:
            recipient = f"{tokens.recipient.upper()}@CANARY.example"
            client.send_message(message, f"{tokens.sender}@{DOMAIN}", recipient)

    await asyncio.to_thread(send)

    (line,) = stand.lines.all()
    assert (line["kind"], line["token"], line["complete"]) == ("message", tokens.recipient, True)


@pytest.mark.parametrize(
    "other",
    [
        {"ip": 1},
        {"port": 26},
        {"variant": "V2"},
        {"attempt": 1},
        {"run": b"seven7"},
        {"tls": True},
    ],
)
async def test_token_of_another_message_in_the_body_does_not_prove(
    up: Running, stand: Any, other: dict[str, object]
) -> None:
    """Every claim counts: the body's token must be the same message's."""
    tokens = stand.tokens
    body = _body(tokens.of(TokenKind.MESSAGE, **other), tokens.recipient, tokens.sender)

    assert (await stand.mail(up.smtp_port, [f"{tokens.recipient}@{DOMAIN}"], body))[-1][
        :3
    ] == b"250"

    (line,) = stand.lines.all()
    assert (line["kind"], line["complete"]) == ("message", False)


@pytest.mark.parametrize(
    "form",
    [
        '"{t}"@canary.example',
        '"{t}@canary.example"@canary.example',
        "{t}%canary.example@canary.example.net",
        "{t}+box@canary.example",
        "@relay.example:{t}@canary.example",
    ],
)
async def test_rewritten_recipient_does_not_prove(up: Running, stand: Any, form: str) -> None:
    """It is taken, so that nothing bounces, and recorded as a stray."""
    tokens = stand.tokens
    recipient = form.format(t=tokens.recipient)

    replies = await stand.mail(up.smtp_port, [recipient], _body(tokens.message))

    assert [reply[:3] for reply in replies] == [b"250", b"250"]
    assert stand.lines.kinds() == [("stray", tokens.recipient)]
    assert not any(line["complete"] for line in stand.lines.all())


@pytest.mark.parametrize("kind", [TokenKind.MESSAGE, TokenKind.HELO, TokenKind.TUNNEL])
async def test_token_of_another_kind_does_not_prove(
    up: Running, stand: Any, kind: TokenKind
) -> None:
    """A message token as a mailbox, for instance."""
    token = stand.tokens.of(kind)

    await stand.mail(up.smtp_port, [f"{token}@{DOMAIN}"], _body(stand.tokens.message))

    assert stand.lines.kinds() == [("stray", token)]


@pytest.mark.parametrize(
    ("recipient", "reply"),
    [
        ("somebody@elsewhere.example", b"550 5.7.1"),
        ("{t}@elsewhere.example", b"550 5.7.1"),
        ("{t}%canary.example@relay.example", b"550 5.7.1"),
        ('"{t}@canary.example"@relay.example', b"550 5.7.1"),
        ("canary.example!{t}", b"550 5.7.1"),
        ("somebody@canary.example", b"550 5.1.1"),
        ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@canary.example", b"550 5.1.1"),
    ],
)
async def test_nothing_is_relayed(up: Running, stand: Any, recipient: str, reply: bytes) -> None:
    """Other domains and unknown mailboxes are refused, so no message follows."""
    replies = await stand.mail(
        up.smtp_port, [recipient.format(t=stand.tokens.recipient)], _body("x"), "a@example.com"
    )

    assert replies[0].startswith(reply)
    assert len(replies) == 1


async def test_bounce_comes_home(up: Running, stand: Any) -> None:
    """A null sender's message to the sender token is a DSN, even with our whole message inside."""
    tokens = stand.tokens
    body = _body("Returned:", tokens.message, tokens.recipient)

    replies = await stand.mail(up.smtp_port, [f"{tokens.sender}@{DOMAIN}"], body, "")

    assert replies[-1] == b"250 2.0.0 OK"
    (line,) = stand.lines.all()
    assert (line["kind"], line["token"], line["complete"]) == ("dsn", tokens.sender, False)
    assert line["sender"] == ""


async def test_null_sender_relay_is_a_message(up: Running, stand: Any) -> None:
    """The null sender is one of the relay test's envelopes."""
    tokens = stand.tokens
    await stand.mail(up.smtp_port, [f"{tokens.recipient}@{DOMAIN}"], _body(tokens.message), "")

    (line,) = stand.lines.all()
    assert (line["kind"], line["complete"], line["sender"]) == ("message", True, "")


async def test_answer_of_a_person_to_the_sender_token_is_a_stray(up: Running, stand: Any) -> None:
    """Neither a bounce nor a proof."""
    tokens = stand.tokens
    await stand.mail(
        up.smtp_port, [f"{tokens.sender}@{DOMAIN}"], _body("out of office"), "a@example.com"
    )

    assert stand.lines.kinds() == [("stray", tokens.sender)]


@pytest.mark.parametrize("kind", [TokenKind.RECIPIENT, TokenKind.SENDER])
async def test_callout_is_recorded_as_such(up: Running, stand: Any, kind: TokenKind) -> None:
    """RCPT without a message: somebody only asked whether the mailbox exists."""
    token = stand.tokens.of(kind)
    async with stand.talk(up.smtp_port) as talk:
        await talk.say("EHLO mx.example")
        await talk.say("MAIL FROM:<>")
        assert (await talk.say(f"RCPT TO:<{token}@{DOMAIN}>"))[:3] == b"250"
        assert stand.lines.all() == []

    assert await stand.kinds() == [("callout", token)]


async def test_callout_before_the_message_is_no_row_of_its_own(up: Running, stand: Any) -> None:
    """One session that asks, resets and then delivers is one message."""
    tokens = stand.tokens
    async with stand.talk(up.smtp_port) as talk:
        await talk.say("HELO relay.example")
        for _ in range(2):
            await talk.say(f"MAIL FROM:<{tokens.sender}@{DOMAIN}>")
            await talk.say(f"RCPT TO:<{tokens.recipient}@{DOMAIN}>")
            await talk.say("RSET")
        await talk.say(f"MAIL FROM:<{tokens.sender}@{DOMAIN}>")
        await talk.say(f"RCPT TO:<{tokens.recipient}@{DOMAIN}>")
        await talk.say("DATA")
        talk.write(_body(tokens.message))
        assert await talk.say(".") == b"250 2.0.0 OK"

    assert stand.lines.kinds() == [("message", tokens.recipient)]


async def test_message_cut_off_in_the_middle_is_no_message(up: Running, stand: Any) -> None:
    """Only the final dot makes it whole."""
    tokens = stand.tokens
    talk = await stand.call(up.smtp_port)
    await talk.hear()
    await talk.say("EHLO relay.example")
    await talk.say("MAIL FROM:<>")
    await talk.say(f"RCPT TO:<{tokens.recipient}@{DOMAIN}>")
    await talk.say("DATA")
    talk.write(_body(tokens.message) + b".")
    await talk.close()

    assert await stand.kinds() == [("callout", tokens.recipient)]


async def test_lone_dots_and_bare_line_ends_do_not_end_a_message(up: Running, stand: Any) -> None:
    r"""Only ``\r\n.\r\n`` does; nothing can be smuggled behind ``\n.\n``, and dots are undone."""
    tokens = stand.tokens
    smuggled = f"\n.\nMAIL FROM:<>\r\nRCPT TO:<{tokens.sender}@{DOMAIN}>\r\nDATA\r\n"
    body = f"\r\n..{tokens.message[:10]}{smuggled}..\r\n\r.\r{tokens.message}".encode()

    replies = await stand.mail(up.smtp_port, [f"{tokens.recipient}@{DOMAIN}"], body)

    assert replies[-1] == b"250 2.0.0 OK"
    assert stand.lines.kinds() == [("message", tokens.recipient)]
    assert stand.lines.all()[0]["complete"] is True


async def test_tokens_in_ehlo_and_mail_from_are_strays(up: Running, stand: Any) -> None:
    """Places where a token proves nothing."""
    tokens = stand.tokens
    helo = tokens.of(TokenKind.HELO)
    async with stand.talk(up.smtp_port) as talk:
        await talk.say(f"EHLO {helo}.example.com")
        await talk.say(f"MAIL FROM:<{tokens.sender}@{DOMAIN}>")

    assert await stand.kinds(2) == [("stray", helo), ("stray", tokens.sender)]


async def test_token_in_a_header_of_another_protocol_is_a_stray(up: Running, stand: Any) -> None:
    """A port scanner's or a proxy's own lines are heard too."""
    token = stand.tokens.tunnel(up.smtp_port)
    async with stand.talk(up.smtp_port) as talk:
        assert (await talk.say(f"GET /{token} HTTP/1.0"))[:3] == b"502"

    assert await stand.kinds() == [("stray", token)]


async def test_token_from_a_telnet_client_is_read(up: Running, stand: Any) -> None:
    """It says CR NUL for a CR, and the line's end behind it."""
    token = stand.tokens.tunnel(up.smtp_port, variant="mail")
    async with stand.talk(up.smtp_port) as talk:
        reply = await talk.say(f"NOOP {token}\r\0")
    (line,) = await stand.recorded(1)

    assert reply == f"250 2.0.0 {line['nonce']}".encode()


async def test_tunnel_to_the_mail_port_is_answered_as_on_the_echo_host(
    up: Running, stand: Any
) -> None:
    """Also behind the header of a POST block, where aiosmtpd would have hung up."""
    token = stand.tokens.tunnel(up.smtp_port, variant="mail")
    async with stand.talk(up.smtp_port) as talk:
        for number in range(12):
            assert (await talk.say(f"Header-{number}: x"))[:3] == b"502"
        reply = await talk.say(f"NOOP {token}")
        wrong = await talk.say(f"NOOP {stand.tokens.tunnel(up.echo_port)}")

    assert wrong == b"250 2.0.0 OK"
    lines = await stand.recorded(2)
    assert reply == f"250 2.0.0 {lines[0]['nonce']}".encode()
    assert [line["kind"] for line in lines] == ["tunnel", "stray"]
    assert [line["canary_port"] for line in lines] == [up.smtp_port] * 2


async def test_body_of_a_post_is_heard_behind_its_header(up: Running, stand: Any) -> None:
    """As one piece, as a proxy sends it; what the proxy says of itself is on record."""
    token = stand.tokens.tunnel(up.smtp_port, variant="mail")
    added = "Via: 1.0 proxy.example\r\n" + "".join(f"X-{n}: y\r\n" for n in range(40))
    body = f"NOOP {token}\r\nQUIT\r\n"
    talk = await stand.call(up.smtp_port)
    talk.write(f"POST / HTTP/1.0\r\nHost: h\r\n{added}\r\n{body}".encode())

    heard = (await talk.reader.read()).split(b"\r\n")

    (line,) = await stand.recorded()
    assert (line["kind"], line["token"]) == ("tunnel", token)
    assert f"250 2.0.0 {line['nonce']}".encode() in heard
    assert line["headers"] == "Via: 1.0 proxy.example\n"


async def test_half_closed_tunnel_is_still_answered(up: Running, stand: Any) -> None:
    """What was said before the end of the peer's words is read (aiosmtpd alone drops it)."""
    token = stand.tokens.tunnel(up.smtp_port)
    talk = await stand.call(up.smtp_port)
    talk.write(f"NOOP {token}\r\n".encode())
    talk.writer.write_eof()

    heard = (await talk.reader.read()).split(b"\r\n")
    await talk.close()

    assert heard[1] == f"250 2.0.0 {stand.lines.all()[0]['nonce']}".encode()


async def test_token_of_a_connection_that_was_reset_is_on_record(
    up: Running, stand: Any, wait_until: Callable[..., Awaitable[None]]
) -> None:
    """Bytes are kept as they arrive, before anything is made of them."""
    token = stand.tokens.tunnel(up.smtp_port)
    talk = await stand.call(up.smtp_port)
    await talk.hear()
    talk.write(f"POST / HTTP/1.0\r\n\r\nNOOP {token}".encode())
    await wait_until(lambda: talk.writer.transport.get_write_buffer_size() == 0)
    talk.writer.transport.abort()

    (line,) = await stand.recorded()
    assert (line["kind"], line["token"], line["nonce"]) == ("tunnel", token, "")


async def test_noop_alone_is_a_sign_of_health(up: Running, stand: Any) -> None:
    """Workers ask before they send."""
    async with stand.talk(up.smtp_port) as talk:
        assert await talk.say("NOOP") == b"250 2.0.0 OK"

    assert await stand.kinds() == [("connection", "")]


@pytest.mark.parametrize(
    "command",
    ["AUTH PLAIN AGEAYg==", "AUTH LOGIN", "VRFY root", "EXPN list", "ETRN x", "STARTTLS", "HELP"],
)
async def test_nothing_else_is_offered(up: Running, stand: Any, command: str) -> None:
    """No login, no listing of mailboxes, no remote queue, and EHLO says so."""
    async with stand.talk(up.smtp_port) as talk:
        talk.write(b"EHLO me.example\r\n")
        assert await talk.reader.readline() == b"250-canary.example\r\n"
        assert await talk.reader.readline() == b"250-SIZE 262144\r\n"
        assert await talk.reader.readline() == b"250 8BITMIME\r\n"
        assert await talk.say(command) == b"502 5.5.1 Not implemented"


@pytest.mark.parametrize(
    ("commands", "replies"),
    [
        (["MAIL FROM:<>"], [b"503"]),
        (["EHLO"], [b"501"]),
        (["EHLO x", "RCPT TO:<postmaster>"], [b"250", b"503"]),
        (["EHLO x", "DATA"], [b"250", b"503"]),
        (["EHLO x", "MAIL FROM:<>", "DATA"], [b"250", b"250", b"503"]),
        (["EHLO x", "MAIL FROM:<>", "MAIL FROM:<>"], [b"250", b"250", b"503"]),
        (["EHLO x", "MAIL <>"], [b"250", b"501"]),
        (["EHLO x", "MAIL FROM:<a@b> SIZE=99999999"], [b"250", b"552"]),
        (["EHLO x", "MAIL FROM:<a@b> BODY=8BITMIME SIZE=5 X=y"], [b"250", b"250"]),
        (["EHLO x", "MAIL FROM:<>", "RCPT TO:<>"], [b"250", b"250", b"501"]),
        (["", "NOOP"], [b"500", b"250"]),
        (["EHLO x", "MAIL FROM:<>", "RCPT TO:<postmaster>", "DATA x"], [b"250"] * 3 + [b"501"]),
    ],
)
async def test_commands_out_of_order_are_refused(
    up: Running, stand: Any, commands: list[str], replies: list[bytes]
) -> None:
    """As RFC 5321 has it."""
    async with stand.talk(up.smtp_port) as talk:
        assert [(await talk.say(command))[:3] for command in commands] == replies


async def test_mail_to_postmaster_and_abuse_is_kept(up: Running, stand: Any) -> None:
    """A staffed address must be readable; nothing of it is in the log."""
    replies = await stand.mail(
        up.smtp_port,
        ["abuse@canary.example.net", "postmaster"],
        _body("please stop"),
        "a@b.example",
    )

    assert replies[-1] == b"250 2.0.0 OK"
    (path,) = (stand.lines.folder / "postmaster").iterdir()
    assert path.read_bytes().startswith(b"Return-Path: <a@b.example>\r\nSubject: test\r\n")
    assert path.stat().st_mode & 0o777 == 0o600
    assert await stand.kinds() == [("connection", "")]


async def test_bodies_of_other_mail_are_not_kept(up: Running, stand: Any) -> None:
    """Neither a message's body nor a bounce's is anywhere on disk."""
    tokens = stand.tokens
    secret = "a stranger's secret"
    for recipient in (tokens.recipient, tokens.sender):
        await stand.mail(up.smtp_port, [f"{recipient}@{DOMAIN}"], _body(secret), "")

    files = [path for path in stand.lines.folder.rglob("*") if path.is_file()]
    assert len(files) == 2
    assert not any(secret.encode() in path.read_bytes() for path in files)


async def test_full_postmaster_folder_puts_mail_off(
    up: Running, stand: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sender keeps it and tries again."""
    monkeypatch.setattr(postmaster, "MOST_MESSAGES", 0)

    replies = await stand.mail(up.smtp_port, ["postmaster"], _body("x"))

    assert replies[-1].startswith(b"452")


async def test_several_recipients_are_several_arrivals(up: Running, stand: Any) -> None:
    """Each is judged by its own token; the bound on recipients holds."""
    tokens = stand.tokens
    others = [tokens.of(TokenKind.RECIPIENT, port=port) for port in range(1, 30)]
    recipients = [f"{token}@{DOMAIN}" for token in [tokens.recipient, *others]]

    replies = await stand.mail(up.smtp_port, recipients, _body(tokens.message))

    assert [reply[:3] for reply in replies] == [b"250"] * 20 + [b"452"] * 10 + [b"250"]
    assert [line["complete"] for line in stand.lines.all()] == [True] + [False] * 19


@pytest.mark.parametrize("line", [b"x" * 60 + b"\r\n", b"\r\n", b"x" * 100_000 + b"\r\n", b"x"])
async def test_too_big_a_message_is_refused_whole(up: Running, stand: Any, line: bytes) -> None:
    """Beyond the announced size nothing is searched; the refusal is on record, and mail goes on."""
    tokens = stand.tokens
    body = _body(tokens.message) + line * (400_000 // len(line))

    async with stand.talk(up.smtp_port) as talk:
        await talk.say("EHLO relay.example")
        for content in (body, _body(tokens.message)):
            await talk.say("MAIL FROM:<>")
            await talk.say(f"RCPT TO:<{tokens.recipient}@{DOMAIN}>")
            await talk.say("DATA")
            talk.write(content)
            reply = await talk.say(b"\r\n.")
            assert reply[:3] == (b"552" if content is body else b"250")

    assert [line["complete"] for line in stand.lines.all()] == [False, True]
    assert stand.lines.all()[0]["size"] > 262_144


async def test_long_lines_and_binary_bodies_are_searched(up: Running, stand: Any) -> None:
    """Some relays send lines beyond 998 octets, NUL and 8-bit bytes."""
    tokens = stand.tokens
    body = b"\r\n" + b"\0\xff" * 50_000 + tokens.message.encode() + b"\0" * 5_000

    replies = await stand.mail(up.smtp_port, [f"{tokens.recipient}@{DOMAIN}"], body)

    assert replies[-1] == b"250 2.0.0 OK"
    assert stand.lines.all()[0]["complete"] is True


async def test_hostile_commands_are_kept_as_bytes(up: Running, stand: Any) -> None:
    """NUL, 8-bit and escape characters go into the record, bounded, and harm nothing."""
    name = bytes(byte for byte in range(256) if byte not in b"\r\n ")
    sender = b"\x1b[2J\xff\0" + b"a" * 400 + b"@example.com"
    async with stand.talk(up.smtp_port) as talk:
        assert (await talk.say(b"EHLO " + name)) == b"250 8BITMIME"
        assert (await talk.say(b"MAIL FROM:<" + sender + b">"))[:3] == b"250"
        recipient = stand.tokens.recipient.encode()
        assert (await talk.say(b"RCPT TO:<" + recipient + b"@canary.example>"))[:3] == b"250"
        assert (await talk.say(b"\xff\xfe\0 x"))[:3] == b"500"
        assert (await talk.say(b"NOOP \xff\0"))[:3] == b"250"

    (line,) = await stand.recorded()
    assert line["helo"].encode("latin-1") == name[:255]
    assert line["sender"].encode("latin-1") == sender[:320]


@pytest.mark.parametrize("chunk", [b"NOOP\r\n", b"\r\n", b"x\r\n", b"x" * 5000 + b"\r\n"])
async def test_too_many_commands_end_the_connection(up: Running, stand: Any, chunk: bytes) -> None:
    """Whatever they are, the number of replies is bounded."""
    talk = await stand.call(up.smtp_port)
    talk.write(chunk * 500)
    heard = b""
    with contextlib.suppress(ConnectionError):  # our bytes that nobody reads reset it
        while piece := await talk.reader.read(65536):
            heard += piece
    await talk.close()

    assert heard.count(b"\r\n") <= 202


async def test_too_many_bytes_end_the_connection(stand: Any) -> None:
    """An endless message is not drained for ever."""
    async with stand.up(limits=Limits(session_bytes=500_000)) as up:
        talk = await stand.call(up.smtp_port)
        await talk.hear()
        for command in ("EHLO x", "MAIL FROM:<>", f"RCPT TO:<{stand.tokens.recipient}@{DOMAIN}>"):
            await talk.say(command)
        await talk.say("DATA")
        with contextlib.suppress(ConnectionError):
            while not talk.over:
                talk.write(b"x" * 60_000)
                await talk.writer.drain()
        await talk.close()

        assert await stand.kinds() == [("callout", stand.tokens.recipient)]


@pytest.mark.parametrize(
    "limits",
    [
        Limits(mail_idle_seconds=0.1, sweep_seconds=100, farewell_seconds=0),
        Limits(mail_seconds=0.1, sweep_seconds=0.02, farewell_seconds=0),
    ],
)
async def test_slow_peers_are_cut_off(stand: Any, limits: Limits) -> None:
    """Who says nothing, and who drips, before and within a message."""
    async with stand.up(limits=limits) as up:
        silent, dripping = await stand.call(up.smtp_port), await stand.call(up.smtp_port)
        await dripping.hear()
        for command in ("EHLO x", "MAIL FROM:<>", f"RCPT TO:<{stand.tokens.recipient}@{DOMAIN}>"):
            await dripping.say(command)
        await dripping.say("DATA")

        with contextlib.suppress(ConnectionError):
            while not dripping.over:
                dripping.write(b"x")
                await asyncio.sleep(0.01)
        with contextlib.suppress(ConnectionError):
            await silent.reader.read()
        await silent.close()
        await dripping.close()

    assert sorted(stand.lines.kinds()) == [
        ("callout", stand.tokens.recipient),
        ("connection", ""),
    ]


async def test_crowd_is_turned_away_politely(stand: Any) -> None:
    """421: a real relay tries again later."""
    limits = Limits(mail_per_peer=1, farewell_seconds=0)
    async with stand.up(limits=limits) as up, stand.talk(up.smtp_port):
        second = await stand.call(up.smtp_port)
        assert (await second.hear()).startswith(b"421")
        await second.close()


async def test_log_that_fails_is_no_250(
    stand: Any, monkeypatch: pytest.MonkeyPatch, wait_until: Callable[..., Awaitable[None]]
) -> None:
    """A message that can't be recorded stays with the relay, and workers see it."""
    tokens = stand.tokens
    async with stand.up() as up:
        recipients, body = [f"{tokens.recipient}@{DOMAIN}"], _body(tokens.message)
        with monkeypatch.context() as broken:
            broken.setattr(ArrivalLog, "_commit", lambda *_: False)
            replies = await stand.mail(up.smtp_port, recipients, body)
            async with stand.talk(up.smtp_port) as talk:
                health = await talk.say("NOOP")
                tunnel = await talk.say(f"NOOP {tokens.tunnel(up.smtp_port)}")
        await wait_until(lambda: up.desk.log.healthy)
        again = await stand.mail(up.smtp_port, recipients, body)

    assert replies[-1].startswith(b"451 4.3.0")
    assert health.startswith(b"451 4.3.0")
    assert tunnel.startswith(b"451 4.3.0")
    assert again[-1] == b"250 2.0.0 OK"


async def test_nothing_about_a_host_is_logged(
    up: Running, stand: Any, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Peers and their words are in the arrivals log and nowhere else (law 8)."""
    with caplog.at_level(0):
        async with stand.talk(up.smtp_port) as talk:
            for _ in range(8):
                await talk.say("BOGUS mailbox@elsewhere.example")
        await stand.mail(up.smtp_port, [f"{stand.tokens.recipient}@{DOMAIN}"], _body("x"))

    printed = "".join(capfd.readouterr())
    assert "127.0.0.1" not in caplog.text + printed
    assert "elsewhere" not in caplog.text + printed
