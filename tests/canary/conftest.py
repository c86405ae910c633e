"""A canary of our own on loopback, and a plain way to talk to it."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import uvloop

from survey.canary.limits import Limits
from survey.canary.server import Running, running
from survey.model.address import parse_ip
from survey.model.plan import Canary, Endpoint
from survey.model.probe import Probe
from survey.protocols.token import Claims, TokenKind, make_token

LOOPBACK = parse_ip("127.0.0.1")
DOMAINS = ("canary.example", "canary.example.net")


@dataclass
class Tokens:
    """Makes tokens of one tested server, 192.0.2.7."""

    key: bytes = b"k" * 32
    claims: Claims = field(
        default_factory=lambda: Claims(
            run=b"sixsix",
            ip=parse_ip("192.0.2.7"),
            port=25,
            probe=Probe.SMTP_RELAY,
            variant="V1",
            canary_port=0,
            tls=False,
            attempt=0,
            kind=TokenKind.RECIPIENT,
        )
    )

    def of(self, kind: TokenKind, **changes: Any) -> str:
        """A token of one kind, with other claims where given."""
        return make_token(self.key, replace(self.claims, kind=kind, **changes))

    def tunnel(self, port: int, variant: str = "echo") -> str:
        """A token for a tunnel to one of our ports."""
        return self.of(TokenKind.TUNNEL, probe=Probe.SOCKS5, variant=variant, canary_port=port)

    @property
    def recipient(self) -> str:
        """The token of the mailbox."""
        return self.of(TokenKind.RECIPIENT)

    @property
    def message(self) -> str:
        """The token of the body."""
        return self.of(TokenKind.MESSAGE)

    @property
    def sender(self) -> str:
        """The token of the envelope sender."""
        return self.of(TokenKind.SENDER)


@dataclass
class Talk:
    """One connection to one of our ports."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def hear(self) -> bytes:
        """The last line of the next reply, or b"" when the canary has hung up."""
        try:
            while (line := await self.reader.readline())[3:4] == b"-":
                pass
        except ConnectionResetError:
            return b""
        return line.rstrip(b"\r\n")

    async def say(self, line: bytes | str) -> bytes:
        """Say a line and hear the reply."""
        self.write((line if isinstance(line, bytes) else line.encode()) + b"\r\n")
        return await self.hear()

    @property
    def over(self) -> bool:
        """Whether the canary was seen to have hung up."""
        reader = self.reader
        return self.writer.is_closing() or reader.at_eof() or reader.exception() is not None

    def write(self, data: bytes) -> None:
        """Say bytes as they are."""
        self.writer.write(data)

    async def close(self) -> None:
        """Hang up."""
        self.writer.close()
        with suppress(ConnectionError):
            await self.writer.wait_closed()

    async def quit(self) -> None:
        """Say goodbye and wait until the canary has hung up too."""
        self.write(b"QUIT\r\n")
        while await self.hear():
            pass
        await self.close()


@dataclass
class Lines:
    """What stands in the log."""

    folder: Path

    def all(self) -> list[dict[str, Any]]:
        """Every record, in order."""
        return [
            json.loads(line)
            for path in sorted(self.folder.glob("*.log"))
            for line in path.read_bytes().splitlines()
        ]

    def kinds(self) -> list[tuple[str, str]]:
        """Kind and token of every arrival."""
        return [(line["kind"], line["token"]) for line in self.all() if "kind" in line]


class Stand:
    """Starts canaries and talks to them."""

    def __init__(self, folder: Path, tokens: Tokens) -> None:
        self.lines = Lines(folder)
        self.tokens = tokens
        self.calls: list[Talk] = []

    def up(self, **given: Any) -> AbstractAsyncContextManager[Running]:
        """A canary for as long as the block lasts."""
        given.setdefault("limits", Limits(farewell_seconds=0.5, sweep_seconds=0.02))
        return running(
            Canary(DOMAINS, Endpoint(LOOPBACK, 0), Endpoint(LOOPBACK, 0), Endpoint(LOOPBACK, 0)),
            self.tokens.key,
            self.lines.folder,
            **given,
        )

    async def recorded(self, count: int = 1) -> list[dict[str, Any]]:
        """The log, once it has so many records."""
        await eventually(lambda: len(self.lines.all()) >= count)
        return self.lines.all()

    async def kinds(self, count: int = 1) -> list[tuple[str, str]]:
        """Kind and token of every arrival, once there are so many."""
        await self.recorded(count)
        return self.lines.kinds()

    async def call(self, port: int) -> Talk:
        """A connection, its greeting not read yet."""
        talk = Talk(*await asyncio.open_connection("127.0.0.1", port))
        self.calls.append(talk)
        return talk

    @asynccontextmanager
    async def talk(self, port: int) -> AsyncIterator[Talk]:
        """A connection that was greeted, and is over at the end of the block."""
        talk = await self.call(port)
        assert (await talk.hear()).startswith(b"220 canary.example ESMTP")
        yield talk
        await talk.quit()

    async def mail(
        self, port: int, recipients: list[str], body: bytes, sender: str | None = None
    ) -> list[bytes]:
        """One message over a connection of its own; the replies to RCPT and to the message."""
        async with self.talk(port) as talk:
            await talk.say("EHLO relay.example")
            sender = f"{self.tokens.sender}@{DOMAINS[0]}" if sender is None else sender
            assert await talk.say(f"MAIL FROM:<{sender}>") == b"250 2.1.0 OK"
            replies = [await talk.say(f"RCPT TO:<{recipient}>") for recipient in recipients]
            if any(reply.startswith(b"250") for reply in replies):
                assert (await talk.say("DATA")).startswith(b"354")
                talk.write(body)
                replies.append(await talk.say(b"\r\n."))
            return replies


async def eventually(condition: Callable[[], bool]) -> None:
    """Wait until it holds; the test's own time limit is the only one."""
    while not condition():  # noqa: ASYNC110 - what is waited for tells nobody
        await asyncio.sleep(0.01)


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The loop that ``survey canary`` runs on."""
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture
def tokens() -> Tokens:
    """Tokens of one tested server."""
    return Tokens()


@pytest.fixture
async def stand(tmp_path: Path, tokens: Tokens) -> AsyncIterator[Stand]:
    """Canaries under this test's folder."""
    stand = Stand(tmp_path / "arrivals", tokens)
    yield stand
    for talk in stand.calls:
        await talk.close()


@pytest.fixture
def wait_until() -> Callable[..., Awaitable[None]]:
    """Wait until a condition holds."""
    return eventually
