"""A small world to scan on loopback: refusing addresses, a few doors, and the real canary."""

import asyncio
import socket
import struct
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, AsyncExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from survey.canary.server import running
from survey.model.address import Range, format_ip
from survey.model.assignment import Assignment
from survey.model.plan import (
    Canary,
    Endpoint,
    Identity,
    Kind,
    PathControl,
    Patience,
    Plan,
    ProbePlan,
    Rate,
)
from survey.model.probe import Probe
from survey.settings import Settings
from survey.storage.certificates import make_certificates
from survey.storage.keys import TOKEN, make_key
from survey.storage.layout import Layout, RunLayout
from survey.targets.optouts import init_log
from survey.targets.plan import plan_hash, plan_to_json

FIRST = 0x7F500000
"""127.80.0.0: nobody listens here but the doors that a test opens."""

PORT = 21080
"""The port that the made plans test."""

HOME = 0x7F4F0001
"""127.79.0.1: where the canary lives."""

NOWHERE = Canary(("canary.example", "canary.test"), Endpoint(FIRST, 9), Endpoint(FIRST, 9))
"""A canary that is not there."""

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class MadeScan:
    """A plan in a data directory, ready to be scanned."""

    settings: Settings
    plan: Plan

    @property
    def hash(self) -> str:
        """SHA-256 of the plan."""
        return plan_hash(self.plan)

    @property
    def run(self) -> RunLayout:
        """Where it lies."""
        return Layout(self.settings.data).run(self.plan.campaign, self.plan.run)

    def assignment(
        self, shard: int = 0, attempt: int = 0, slot: int = 0, leases_at: str = "127.0.0.1:9"
    ) -> Assignment:
        """A shard of it, as coordinator number 1 would hand it out."""
        return Assignment(
            data=str(self.settings.data),
            keys=str(self.settings.keys),
            campaign=self.plan.campaign,
            run=self.plan.run,
            plan_hash=self.hash,
            shard=shard,
            attempt=attempt,
            slot=slot,
            epoch=1,
            leases_at=leases_at,
        )


def make_scan(
    root: Path,
    *,
    run: str = "2026-W48",
    first: int = FIRST,
    addresses: int = 64,
    shard_addresses: int = 32,
    canary: Canary = NOWHERE,
    probes: tuple[ProbePlan, ...] = (ProbePlan(Probe.SOCKS5, (PORT,)),),
    rate: Rate = Rate(20_000, 20_000.0, 2),  # noqa: B008 - frozen
    slots: int = 2,
    lease_seconds: float = 30.0,
    controls: tuple[PathControl, ...] = (),
    patience: Patience | None = None,
) -> MadeScan:
    """A plan over the addresses from ``first`` on, frozen in ``root/data``."""
    settings = Settings(root / "data", root / "keys", root / "agencies")
    make_key(settings.keys, TOKEN)
    make_certificates(settings.keys)
    optouts = root / "optouts.jsonl"
    if not optouts.exists():
        init_log(optouts)
    plan = Plan(
        campaign="made",
        run=run,
        kind=Kind.LAB,
        purpose="a test",
        created_at=datetime(2026, 11, 24, tzinfo=UTC),
        valid_until=None,
        authority="",
        seed="00112233445566778899aabbccddeeff",
        ranges=(Range(first, first + addresses - 1),),
        excluded=0,
        probes=probes,
        rate=rate,
        identity=Identity("A test", "a@test.example", "https://test.example/", "test.example", ()),
        canary=canary,
        optouts=str(optouts),
        exclusions=(),
        names="none",
        slots=slots,
        shard_addresses=shard_addresses,
        lease_seconds=lease_seconds,
        snapshots=(),
        version="0.1.0",
        controls=controls,
        patience=patience,
    )
    made = MadeScan(settings, plan)
    made.run.root.mkdir(parents=True, mode=0o700)
    made.run.plan.write_bytes(plan_to_json(plan))
    return made


@dataclass(slots=True)
class World:
    """What answers, while it lasts.

    Attributes:
        canary: Our far end.
        visits: Connections that each door had, by address.
        inside: Who is being served; the event loop itself may forget who half closed.
    """

    canary: Canary
    visits: dict[int, int] = field(default_factory=dict)
    inside: "set[asyncio.Task[None]]" = field(default_factory=set)


@contextmanager
def world(
    root: Path,
    doors: dict[int, Serve],
    *,
    canary_after: float = 0.0,
    home: int = HOME,
    where: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> Iterator[World]:
    """The canary, and a door at PORT of each of these addresses, in a thread of their own.

    Args:
        root: Where the canary's key is, and its log will be.
        doors: What answers at which address.
        canary_after: Seconds that the canary begins to answer later than the doors.
        home: The canary's address.
        where: The thread lives in this context: a network namespace of its own.
    """
    key = make_key(root / "keys", TOKEN)
    with where():
        canary = Canary(
            NOWHERE.domains, Endpoint(home, free_port(home)), Endpoint(home, free_port(home))
        )
    ready, there, stop = threading.Event(), World(canary), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def live() -> None:
        servers = []
        async with AsyncExitStack() as stack:
            for ip, serve in doors.items():
                server = await asyncio.start_server(
                    counted(there, ip, serve), format_ip(ip), PORT, backlog=100
                )
                servers.append(server)
            if canary_after:
                ready.set()
                await asyncio.sleep(canary_after)
            await stack.enter_async_context(running(canary, key, Layout(root / "data").arrivals))
            ready.set()
            await stop.wait()
            for server in servers:
                server.close()
            await asyncio.sleep(0.05)  # who was being let in gets in first
            for task in there.inside:
                task.cancel()
            await asyncio.gather(*there.inside, return_exceptions=True)

    def alone() -> None:
        with where(), asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(live())

    thread = threading.Thread(target=alone)
    thread.start()
    try:
        assert ready.wait(20)
        yield there
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(20)


def free_port(ip: int) -> int:
    """A port of this address that nobody has."""
    with socket.socket() as sock:
        sock.bind((format_ip(ip), 0))
        port: int = sock.getsockname()[1]
        return port


def counted(there: World, ip: int, serve: Serve) -> Serve:
    """Count the visits of a door; strangers may break off at any moment."""

    async def counted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there.visits[ip] = there.visits.get(ip, 0) + 1
        visitor = asyncio.current_task()
        assert visitor
        there.inside.add(visitor)
        try:
            await serve(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            there.inside.discard(visitor)
            writer.close()

    return counted


async def open_socks5(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """An open proxy: it takes everybody everywhere."""
    _, methods = await reader.readexactly(2)
    await reader.readexactly(methods)
    writer.write(b"\x05\x00")
    *_, ip, port = struct.unpack(">BBBBIH", await reader.readexactly(10))
    far_reader, far_writer = await asyncio.open_connection(format_ip(ip), port)
    writer.write(b"\x05\x00\x00\x01" + bytes(6))
    both = [
        asyncio.create_task(pour(*ends)) for ends in ((reader, far_writer), (far_reader, writer))
    ]
    try:
        await asyncio.gather(*both)
    finally:
        for direction in both:  # where one breaks, nobody waits for the other
            direction.cancel()
        await asyncio.gather(*both, return_exceptions=True)
        far_writer.close()


async def closed_socks5(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A proxy for those whom it knows."""
    _, methods = await reader.readexactly(2)
    await reader.readexactly(methods)
    writer.write(b"\x05\xff")
    await writer.drain()


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:  # noqa: ARG001
    """Takes the connection and says nothing."""
    await reader.read()
    await asyncio.sleep(60)


async def pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One direction of a tunnel."""
    while data := await reader.read(4096):
        writer.write(data)
    if writer.can_write_eof():
        writer.write_eof()
