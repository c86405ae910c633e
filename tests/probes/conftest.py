"""Servers on loopback, a real gate, and both event loops that a scan may run on."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import uvloop

from survey.model.address import Range, parse_ip
from survey.model.plan import Canary, Endpoint, Identity, Kind, Plan, ProbePlan, Rate
from survey.model.probe import Probe
from survey.probes.context import Context
from survey.probes.dialer import Dialer
from survey.probes.names import NoNames
from survey.probes.timeouts import Timeouts
from survey.targets.gate import Gate
from survey.targets.optouts import init_log

LOOPBACK = parse_ip("127.0.0.1")
KEY = bytes(range(32))
IDENTITY = Identity(
    "Example Survey", "survey@survey.example", "https://survey.example", "probe.example", ()
)
QUICK = Timeouts(
    connect=0.9,
    greeting=0.4,
    command=0.4,
    message=0.4,
    goodbye=0.2,
    relay=1.0,
    reply=0.4,
    tunnel=1.0,
)

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Serve = Callable[..., Awaitable[int]]


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Every test of a socket runs on both loops that a scan may run on."""
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


class FreePacer:
    """Admits all, and notes what was charged."""

    def __init__(self) -> None:
        self.charged: list[tuple[int, int]] = []

    async def admit(self, ip: int, packets: int) -> None:
        """At once."""
        self.charged.append((ip, packets))

    async def pay(self, packets: int) -> None:
        """At once."""
        self.charge(packets)

    def charge(self, packets: int) -> None:
        """Of whatever address."""
        self.charged.append((0, packets))

    def begun(self) -> None:
        """A connection."""

    def left(self, packets: int) -> None:
        """Paid before."""

    def ended(self) -> None:
        """A connection."""


@pytest.fixture
def pacer() -> FreePacer:
    """A pacer that never makes anybody wait."""
    return FreePacer()


@pytest.fixture
def optouts(tmp_path: Path) -> Path:
    """An opt-out log without entries."""
    path = tmp_path / "optouts.jsonl"
    init_log(path)
    return path


@pytest.fixture
def gate(optouts: Path) -> Gate:
    """The gate of a lab plan: loopback but 127.9.0.0/16, on every port."""
    plan = Plan(
        campaign="lab",
        run="one",
        kind=Kind.LAB,
        purpose="tests",
        created_at=datetime(2026, 11, 24, tzinfo=UTC),
        valid_until=None,
        authority="",
        seed="00" * 16,
        ranges=(
            Range(parse_ip("127.0.0.0"), parse_ip("127.8.255.255")),
            Range(parse_ip("127.10.0.0"), parse_ip("127.255.255.255")),
        ),
        excluded=0,
        probes=(ProbePlan(Probe.SOCKS5, tuple(range(1, 65536))),),
        rate=Rate(1000, 10.0, 1),
        identity=IDENTITY,
        canary=Canary(
            ("canary.example", "canary.test"), Endpoint(LOOPBACK, 25), Endpoint(LOOPBACK, 26)
        ),
        optouts=str(optouts),
        exclusions=(),
        names="none",
        slots=1,
        shard_addresses=256,
        lease_seconds=12.0,
        snapshots=(),
        version="0",
    )
    return Gate.open(plan, lambda: True)


@pytest.fixture
async def dialer(gate: Gate, pacer: FreePacer) -> AsyncIterator[Dialer]:
    """A dialer that is not held up."""
    opened = Dialer(gate, pacer)
    yield opened
    opened.close()


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Starts a server on loopback with this handler, inside TLS or not; gives its port."""
    running: list[asyncio.Server] = []
    tasks: set[asyncio.Task[None]] = set()

    async def start(handler: Handler, tls: ssl.SSLContext | None = None) -> int:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            tasks.add(task)
            try:
                await handler(reader, writer)
            except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                pass
            finally:
                writer.transport.abort()

        server = await asyncio.start_server(handle, "127.0.0.1", backlog=1024, ssl=tls)
        running.append(server)
        port: int = server.sockets[0].getsockname()[1]
        return port

    yield start
    for server in running:
        server.close()
    for task in tasks:
        task.cancel()
    for task in tasks:
        with contextlib.suppress(asyncio.CancelledError):
            await task


@pytest.fixture
def context(dialer: Dialer) -> Context:
    """What probes share; short limits, no names, a healthy canary."""
    return Context(
        campaign="lab",
        run="one",
        key=KEY,
        identity=IDENTITY,
        canary=Canary(
            ("canary.example", "canary.test"),
            Endpoint(LOOPBACK, 25),
            Endpoint(LOOPBACK, 26),
            Endpoint(LOOPBACK, 27),
        ),
        dialer=dialer,
        names=NoNames(),
        attempt=0,
        canary_healthy=lambda: True,
        timeouts=QUICK,
    )
