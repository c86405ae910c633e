"""A server in a process of its own, which ends with the one that started it, however that ends."""

import asyncio
import multiprocessing
import signal
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import uvloop

from survey.errors import SurveyError

_START_SECONDS = 60.0
_STOP_SECONDS = 10.0

Ready = Callable[[object], None]
"""Called once by the server, with news for whoever started it."""

Serve = Callable[..., Coroutine[Any, Any, None]]
"""``serve(*args, ready, stop)``: a module-level coroutine function that returns after ``stop``."""


@dataclass(frozen=True, slots=True)
class Child:
    """A running server.

    Attributes:
        pid: Its process.
        news: What it said when it was ready.
    """

    pid: int
    news: Any


@contextmanager
def child(name: str, serve: Serve, *args: object) -> Iterator[Child]:
    """A server in another process, while the block runs; it is ready when the block begins.

    Raises:
        SurveyError: It could not start; the text says why.
    """
    spawn = multiprocessing.get_context("spawn")
    here, there = spawn.Pipe()
    process = spawn.Process(target=_run, args=(serve, args, there), name=name, daemon=True)
    process.start()
    there.close()
    try:
        if not here.poll(_START_SECONDS):
            raise SurveyError(f"the {name}: not ready after {_START_SECONDS:g} s; start it again")
        try:
            good, news = here.recv()
        except EOFError:
            raise SurveyError(f"the {name}: its process ended before it was ready") from None
        if not good:
            raise SurveyError(news)
        assert process.pid is not None
        yield Child(process.pid, news)
    finally:
        process.terminate()
        process.join(_STOP_SECONDS)
        if process.is_alive():
            process.kill()
            process.join()
        here.close()
        process.close()


def _run(serve: Serve, args: tuple[object, ...], parent: Connection) -> None:
    # Ctrl-C reaches the whole terminal; the parent decides when the server is no longer needed.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        uvloop.run(_until_told(serve, args, parent))
    except SurveyError as error:
        parent.send((False, str(error)))


async def _until_told(serve: Serve, args: tuple[object, ...], parent: Connection) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.add_reader(parent.fileno(), stop.set)  # readable only at its end: the parent is gone

    def ready(news: object) -> None:
        parent.send((True, news))

    try:
        await serve(*args, ready, stop)
    finally:
        loop.remove_reader(parent.fileno())
