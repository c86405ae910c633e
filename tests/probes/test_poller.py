"""One epoll set on the loop."""

import asyncio
import select
import socket
import time
from contextlib import ExitStack

from survey.probes.poller import Poller


class Waiter:
    """Notes what it is told."""

    def __init__(self, due: float) -> None:
        self.due = due
        self.told: list[str] = []

    def ready(self, events: int) -> None:
        """Something to read, not only room to write."""
        if events & select.EPOLLIN:
            self.told.append("ready")

    def expire(self, now: float) -> None:
        """Too late; once is enough."""
        assert now >= self.due
        self.told.append("expired")
        self.due = now + 60


async def until(waiter: Waiter) -> None:
    """Wait until it was told something."""
    async with asyncio.timeout(5):
        while not waiter.told:  # noqa: ASYNC110 - no event to wait for
            await asyncio.sleep(0.005)


async def test_what_came_in_time_is_heard_though_we_were_busy() -> None:
    """A machine that was held up makes no server late, however many have answered meanwhile."""
    loop = asyncio.get_running_loop()
    poller = Poller(loop)
    with ExitStack() as stack:
        waiters: list[Waiter] = []
        for _ in range(300):  # more than are heard in one go
            here, there = socket.socketpair()
            stack.enter_context(here)
            stack.enter_context(there)
            waiters.append(Waiter(loop.time() + 0.06))
            poller.watch(here.fileno(), waiters[-1])
            there.send(b"in time")
        time.sleep(0.15)  # noqa: ASYNC251 - the loop is held up on purpose
        for waiter in waiters:
            await until(waiter)
        assert {waiter.told[0] for waiter in waiters} == {"ready"}
        poller.close()


async def test_who_is_due_is_told() -> None:
    """When nothing comes."""
    loop = asyncio.get_running_loop()
    poller = Poller(loop)
    here, there = socket.socketpair()
    with here, there:
        waiter = Waiter(loop.time() + 0.01)
        poller.watch(here.fileno(), waiter)
        await until(waiter)
        assert waiter.told == ["expired"]
        poller.close()


async def test_who_was_released_is_told_nothing() -> None:
    """Its socket is somebody else's now."""
    loop = asyncio.get_running_loop()
    poller = Poller(loop)
    here, there = socket.socketpair()
    with here, there:
        released, staying = Waiter(loop.time() + 0.01), Waiter(loop.time() + 0.01)
        poller.watch(here.fileno(), released)
        poller.watch(there.fileno(), staying)
        poller.release(here.fileno())
        there.send(b"x")
        await until(staying)
        assert released.told == []
        poller.close()
