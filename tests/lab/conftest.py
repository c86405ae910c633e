"""A street with one machine of each personality, a double of the canary, and clients."""

import asyncio
import base64
import contextlib
import hashlib
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field

import pytest

from survey.lab.personality import INSIDE_TLS, OTHER_EXIT, Personality, Role
from survey.lab.server import Lab, running
from survey.lab.software import Software
from survey.lab.world import Door, Machine
from survey.model.address import format_ip, parse_ip
from survey.model.plan import Canary, Endpoint
from survey.model.probe import Probe

FAR_IP = "127.0.0.77"
EXIT_IP = "127.77.9.9"
TOKEN = "a" * 56
PATIENCE = 20.0

PORTS = {
    Role.SMTP: 2525,
    Role.HTTP: 3128,
    Role.SOCKS: 1080,
    Role.HTTPS: 8443,
    Role.TELNET: 2323,
}
ASKS = 1.0
"""Seconds for an answer to a GET or POST."""


def role_of(personality: Personality) -> Role:
    """The port that a personality stands behind in the street."""
    name = personality.value
    if name.startswith("socks") or personality is Personality.MIXED_PROXY:
        return Role.SOCKS
    if name.startswith("telnet"):
        return Role.TELNET
    if personality in INSIDE_TLS:
        return Role.HTTPS
    return Role.HTTP if name.startswith(("connect", "forward", "web")) else Role.SMTP


class Street:
    """A world by hand: personality number n stands at 127.77.0.n, nothing else answers."""

    def __init__(self) -> None:
        self.machines = {
            personality: self._machine(number, personality)
            for number, personality in enumerate(Personality)
        }

    def _machine(self, number: int, personality: Personality) -> Machine:
        ip = parse_ip(f"127.77.0.{number}")
        name = f"h{number}.es.example"
        door = Door(
            port=PORTS[role_of(personality)],
            role=role_of(personality),
            personality=personality,
            software=Software.POSTFIX,
            exit_ip=parse_ip(EXIT_IP) if personality in OTHER_EXIT else ip,
        )
        return Machine(ip, name, name, None, None, (door,))

    def doors(self) -> Iterator[tuple[Machine, Door]]:
        """Every door."""
        return ((machine, machine.doors[0]) for machine in self.machines.values())

    def machine(self, ip: int) -> Machine | None:
        """What answers there."""
        return next((one for one in self.machines.values() if one.ip == ip), None)


@dataclass(frozen=True)
class Message:
    """What the far end's MX took."""

    peer: str
    sender: str
    recipients: tuple[str, ...]
    content: bytes


@dataclass
class FarEnd:
    """Our canary's double: speaks first, makes nonces, notes everything.

    Attributes:
        canary: Where it listens.
        replies: Replies to be said to RCPT instead of 250, in this order.
    """

    canary: Canary
    replies: list[str] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    requests: list[bytes] = field(default_factory=list)
    tunnels: list[tuple[str, str]] = field(default_factory=list)
    """(peer, nonce) of each token spoken."""
    servers: list[asyncio.Server] = field(default_factory=list)

    async def close(self) -> None:
        """Go away."""
        for server in self.servers:
            server.close()
            await server.wait_closed()

    async def message(self) -> Message:
        """The first message, as soon as it is there."""
        async with asyncio.timeout(PATIENCE):
            while not self.messages:  # noqa: ASYNC110 - the end of a poll is all we need
                await asyncio.sleep(0.01)
        return self.messages[0]

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection to either port."""
        peer = writer.get_extra_info("peername")[0]
        sender, recipients = "", []
        writer.write(b"220 canary.example ESMTP\r\n")
        with contextlib.suppress(ConnectionError):
            while raw := await reader.readline():
                line = raw.decode("latin-1").strip()
                self.commands.append(line)
                verb, _, rest = line.partition(" ")
                reply = "250 2.0.0 Ok"
                match verb.upper():
                    case "NOOP":
                        self.tunnels.append((peer, nonce(len(self.tunnels))))
                        reply = f"250 2.0.0 {self.tunnels[-1][1]}"
                    case "MAIL":
                        sender, recipients = rest[6:-1], []
                    case "RCPT":
                        recipients.append(rest[4:-1])
                        reply = self.replies.pop(0) if self.replies else reply
                    case "DATA":
                        writer.write(b"354 Go\r\n")
                        content = await reader.readuntil(b"\r\n.\r\n")
                        self.messages.append(Message(peer, sender, tuple(recipients), content))
                    case "QUIT":
                        break
                writer.write(reply.encode() + b"\r\n")
        writer.close()

    async def page(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection to the port that waits for the client."""
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            self.requests.append(await reader.readuntil(b"\r\n\r\n"))
            self.tunnels.append((writer.get_extra_info("peername")[0], nonce(len(self.tunnels))))
            body = f"250 2.0.0 {self.tunnels[-1][1]}\r\n"
            writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
        writer.close()


def nonce(number: int) -> str:
    """A nonce in the right form."""
    digest = hashlib.sha256(f"nonce {number}".encode()).digest()
    return base64.b32encode(digest).decode().lower()[:32]


@pytest.fixture
async def far_end() -> AsyncIterator[FarEnd]:
    """A far end that listens."""
    far = FarEnd(Canary((), Endpoint(0, 0), Endpoint(0, 0)))
    far.servers = [
        await asyncio.start_server(serve, FAR_IP, 0) for serve in (far.talk, far.talk, far.page)
    ]
    smtp, echo, web = (server.sockets[0].getsockname()[1] for server in far.servers)
    far.canary = Canary(
        ("canary.example", "canary.test"),
        Endpoint(parse_ip(FAR_IP), smtp),
        Endpoint(parse_ip(FAR_IP), echo),
        Endpoint(parse_ip(FAR_IP), web),
    )
    yield far
    await far.close()


@pytest.fixture
def street() -> Street:
    """The street's map."""
    return Street()


@pytest.fixture
async def lab(street: Street, far_end: FarEnd) -> AsyncIterator[Lab]:
    """The street, open."""
    async with running(street, far_end.canary) as lab:  # type: ignore[arg-type]
        yield lab


class Client:
    """A client of one door of the street."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def say(self, data: bytes) -> None:
        """Send."""
        self.writer.write(data)

    async def line(self) -> bytes:
        """The next line, or what came of it."""
        async with asyncio.timeout(PATIENCE):
            return await self.reader.readline()

    async def exactly(self, size: int) -> bytes:
        """So many bytes, or what came of them."""
        async with asyncio.timeout(PATIENCE):
            try:
                return await self.reader.readexactly(size)
            except asyncio.IncompleteReadError as cut:
                return cut.partial

    async def rest(self) -> bytes:
        """Everything until the end."""
        async with asyncio.timeout(PATIENCE):
            return await self.reader.read()

    async def command(self, line: str) -> str:
        """Say a line of SMTP and hear the last line of its reply."""
        self.say(line.encode("latin-1") + b"\r\n")
        return await self.reply()

    async def reply(self) -> str:
        """The last line of one SMTP reply."""
        while True:
            line = (await self.line()).decode("latin-1")
            if line[3:4] != "-":
                return line.strip()


def _any_server() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


@contextlib.asynccontextmanager
async def _visit(machine: Machine) -> AsyncIterator[Client]:
    """A connection to a machine's only door."""
    async with asyncio.timeout(PATIENCE):
        door = machine.doors[0]
        reader, writer = await asyncio.open_connection(
            format_ip(machine.ip),
            door.port,
            ssl=_any_server() if door.personality in INSIDE_TLS else None,
        )
    try:
        yield Client(reader, writer)
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def _mail(machine: Machine, sender: str, recipient: str) -> str:
    """Try to send one message; the last reply."""
    async with _visit(machine) as client:
        if not (reply := await client.reply()).startswith("220"):
            return reply
        for line in ("EHLO probe.example", f"MAIL FROM:<{sender}>", f"RCPT TO:<{recipient}>"):
            if not (reply := await client.command(line)).startswith("250"):
                return reply
        if not (reply := await client.command("DATA")).startswith("354"):
            return reply
        return await client.command(f"Subject: a test\r\n\r\n{TOKEN}\r\n..dot\r\n.")


async def _tunnel(machine: Machine, probe: Probe, to: Endpoint) -> str:
    """Ask for a tunnel and for a nonce; what came back as one, or ""."""
    async with _visit(machine) as client:
        with contextlib.suppress(ConnectionError):
            if probe in {Probe.HTTP_GET, Probe.HTTP_POST}:
                return await _fetched(client, probe, to)
            if probe is Probe.TELNET:
                granted = await _connected(client, to)
            else:
                granted = await _granted(client, probe, to)
            if granted:
                await client.line()
                client.say(f"NOOP {TOKEN}\r\n".encode())
                return (await client.line()).removeprefix(b"250 2.0.0 ").decode().strip()
    return ""


async def _fetched(client: Client, probe: Probe, to: Endpoint) -> str:
    """The nonce in the answer to a GET or POST, or ""; nobody waits long for it."""
    host, body = f"{format_ip(to.ip)}:{to.port}", ""
    if probe is Probe.HTTP_POST:
        body = f"NOOP {TOKEN}\r\nQUIT\r\n"
    method, path = ("POST", "") if body else ("GET", TOKEN)
    head = f"{method} http://{host}/{path} HTTP/1.0\r\nContent-Length: {len(body)}\r\n\r\n"
    client.say((head + body).encode())
    heard = b""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(ASKS):
            while piece := await client.reader.read(65536):
                heard += piece
    found = re.search(rb"250 2\.0\.0 ([a-z2-7]{32})\r?\n", heard)
    return found[1].decode() if found else ""


async def _connected(client: Client, to: Endpoint) -> bool:
    """Answer a gateway's prompt in the words that it wants; one that wants a name is none."""
    prompt = b""
    while not prompt.endswith((b">", b": ")):
        prompt += await client.exactly(1)
    if prompt.endswith(b"login: "):
        return False
    forms = {b"lnet>": "open {} {}", b"isco>": "telnet {} {}"}
    wish = forms.get(prompt[-5:], "{}:{}").format(format_ip(to.ip), to.port)
    client.say(wish.encode() + b"\r\n")
    await client.line()
    return b"Connected" in await client.line()


async def _granted(client: Client, probe: Probe, to: Endpoint) -> bool:
    address, port = to.ip.to_bytes(4, "big"), to.port.to_bytes(2, "big")
    text = format_ip(to.ip).encode()
    match probe:
        case Probe.HTTP_CONNECT:
            client.say(b"CONNECT %b:%d HTTP/1.1\r\nHost: x\r\n\r\n" % (text, to.port))
            granted = b" 200 " in await client.line()
            while granted and (await client.line()).strip():
                pass
            return granted
        case Probe.SOCKS4:
            client.say(b"\x04\x01" + port + address + b"\0")
            return (await client.exactly(8))[:2] == b"\0\x5a"
        case Probe.SOCKS4A:
            client.say(b"\x04\x01" + port + b"\0\0\0\x01\0" + text + b"\0")
            return (await client.exactly(8))[:2] == b"\0\x5a"
        case Probe.SOCKS5:
            client.say(b"\x05\x01\x00")
            if await client.exactly(2) != b"\x05\x00":
                return False
            client.say(b"\x05\x01\x00\x01" + address + port)
            head = await client.exactly(4)
            if head[:2] != b"\x05\x00":
                return False
            size = (await client.exactly(1))[0] + 2 if head[3] == 3 else 6
            return len(await client.exactly(size)) == size
    raise AssertionError(probe)


Visit = Callable[[Personality], contextlib.AbstractAsyncContextManager[Client]]
Mail = Callable[..., Awaitable[str]]
Tunnel = Callable[..., Awaitable[str]]


@pytest.fixture
def visit(street: Street, lab: Lab) -> Visit:
    """Opens a connection to a personality, for as long as an ``async with`` block runs."""
    assert lab
    return lambda personality: _visit(street.machines[personality])


@pytest.fixture
def mail(street: Street, lab: Lab, far_end: FarEnd) -> Mail:
    """Tries to send one message through a personality; returns the last reply."""
    assert lab
    domain = far_end.canary.domains[0]

    def send(
        personality: Personality, sender: str = f"s@{domain}", recipient: str = f"r@{domain}"
    ) -> Awaitable[str]:
        return _mail(street.machines[personality], sender, recipient)

    return send


@pytest.fixture
def tunnel(street: Street, lab: Lab, far_end: FarEnd) -> Tunnel:
    """Asks a personality for a tunnel, to the echo port if nothing is said; the nonce, or ""."""
    assert lab

    def ask(personality: Personality, probe: Probe, to: Endpoint | None = None) -> Awaitable[str]:
        return _tunnel(street.machines[personality], probe, to or far_end.canary.echo)

    return ask
