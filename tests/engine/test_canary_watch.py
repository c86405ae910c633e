"""The canary is believed healthy only while both its doors answer."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest

from survey.engine import canary_watch as module
from survey.engine.canary_watch import CanaryWatch
from survey.errors import SurveyError
from survey.model.plan import Canary, Endpoint

LOOPBACK = 0x7F000001
Answer = Callable[[bytes], Awaitable[list[bytes]]]


class Door:
    """One door of a canary that a test can spoil."""

    def __init__(self) -> None:
        self.greeting = b"220 canary.example ESMTP\r\n"
        self.reply = b"250 2.0.0 OK\r\n"
        self.heard: list[bytes] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Greet, answer, and hear the goodbye."""
        writer.write(self.greeting)
        while line := await reader.readline():
            self.heard.append(line)
            writer.write(self.reply)
        writer.close()


@pytest.fixture
async def doors() -> AsyncIterator[tuple[Door, Door, Canary]]:
    """An MX and an echo host."""
    async with AsyncExitStack() as stack:
        both = Door(), Door()
        ports = []
        for door in both:
            server = await asyncio.start_server(door.serve, "127.0.0.1", 0)
            stack.push_async_callback(server.wait_closed)
            stack.callback(server.close)
            ports.append(server.sockets[0].getsockname()[1])
        canary = Canary(("a.example", "b.example"), *(Endpoint(LOOPBACK, port) for port in ports))
        yield *both, canary


def watch_of(canary: Canary, illness: float = 60.0) -> CanaryWatch:
    """A watch on the loop's clock."""
    return CanaryWatch(canary, asyncio.get_running_loop().time, longest_illness=illness)


async def test_nothing_is_believed_before_the_first_check(
    doors: tuple[Door, Door, Canary],
) -> None:
    """It is ill until it was found healthy; that is no illness of its own."""
    watch = watch_of(doors[2])

    assert not watch.healthy()
    assert await watch.check()
    assert watch.healthy()
    assert watch.illnesses == 0
    await asyncio.wait_for(watch.recovery(), 1)
    assert doors[0].heard[:2] == [b"NOOP\r\n", b"QUIT\r\n"]


@pytest.mark.parametrize(
    ("which", "name", "value"),
    [
        (0, "greeting", b"421 busy\r\n"),
        (1, "greeting", b"no\r\n"),
        (0, "reply", b"451 log is full\r\n"),
        (1, "reply", b"x" * 5000),
    ],
)
async def test_one_bad_door_is_an_illness(
    doors: tuple[Door, Door, Canary], which: int, name: str, value: bytes
) -> None:
    """Greeting and answer of both must be right; recovery is noticed too."""
    watch = watch_of(doors[2])
    await watch.check()
    good = getattr(doors[which], name)
    setattr(doors[which], name, value)

    assert not await watch.check()
    assert not watch.healthy()
    assert watch.illnesses == 1
    setattr(doors[which], name, good)
    assert await watch.check()
    assert watch.healthy()


async def test_listeners_hear_of_each_check(doors: tuple[Door, Door, Canary]) -> None:
    """With the moment when it began."""
    watch = watch_of(doors[2])
    heard: list[tuple[float, bool]] = []
    watch.subscribe(lambda began, good: heard.append((began, good)))
    before = asyncio.get_running_loop().time()

    await watch.check()
    doors[0].reply = b"500\r\n"
    await watch.check()

    assert [good for _, good in heard] == [True, False]
    assert before <= heard[0][0] < heard[1][0]


async def test_lasting_illness_fails_the_shard(monkeypatch: pytest.MonkeyPatch) -> None:
    """A canary that is not there ends the work, with the cure."""
    monkeypatch.setattr(module, "INTERVAL", 0.05)
    nowhere = Endpoint(0x7F500000, 9)
    watch = watch_of(Canary(("a.example", "b.example"), nowhere, nowhere), illness=0.05)

    with pytest.raises(SurveyError, match="survey canary"):
        await watch.run()


async def test_silent_canary_is_ill(
    doors: tuple[Door, Door, Canary], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Patience has an end."""
    monkeypatch.setattr(module, "PATIENCE", 0.05)
    doors[1].greeting = b""

    assert not await watch_of(doors[2]).check()


@pytest.mark.parametrize(
    ("reply", "well"),
    [(b"HTTP/1.1 200 OK\r\n\r\n", True), (b"HTTP/1.1 503 No\r\n\r\n", False), (b"", False)],
)
async def test_a_web_host_belongs_to_it_if_the_plan_has_one(
    doors: tuple[Door, Door, Canary], reply: bytes, *, well: bool
) -> None:
    """It is asked for its own page."""
    heard = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(reply)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        watch = watch_of(replace(doors[2], web=Endpoint(LOOPBACK, port)))

        assert await watch.check() is well
    assert heard[0].startswith(b"GET / HTTP/1.1\r\n")
