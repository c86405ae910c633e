"""The lab in a process of its own, which ends with the one that started it, however that ends."""

import asyncio
import multiprocessing
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection

import uvloop

from survey.errors import SurveyError
from survey.lab.server import Lab, serve
from survey.lab.world import World
from survey.model.plan import Canary

_START_SECONDS = 60.0
_STOP_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class LabProcess:
    """A running lab.

    Attributes:
        pid: Its process.
        doors: How many doors are open.
    """

    pid: int
    doors: int


@contextmanager
def lab_process(world: World, canary: Canary) -> Iterator[LabProcess]:
    """The lab in another process, while the block runs; every door is open when it begins.

    Raises:
        SurveyError: It could not start; the text says why.
    """
    spawn = multiprocessing.get_context("spawn")
    here, there = spawn.Pipe()
    child = spawn.Process(target=_run, args=(world, canary, there), name="lab", daemon=True)
    child.start()
    there.close()
    try:
        if not here.poll(_START_SECONDS):
            raise SurveyError(f"the lab: not ready after {_START_SECONDS:g} s; start it again")
        try:
            news = here.recv()
        except EOFError:
            raise SurveyError("the lab: its process ended before it was ready") from None
        if isinstance(news, str):
            raise SurveyError(news)
        assert child.pid is not None
        yield LabProcess(child.pid, news)
    finally:
        child.terminate()
        child.join(_STOP_SECONDS)
        if child.is_alive():
            child.kill()
            child.join()
        here.close()
        child.close()


def _run(world: World, canary: Canary, parent: Connection) -> None:
    # Ctrl-C reaches the whole terminal; the parent decides when the lab is no longer needed.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        uvloop.run(_serve(world, canary, parent))
    except SurveyError as error:
        parent.send(str(error))


async def _serve(world: World, canary: Canary, parent: Connection) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.add_reader(parent.fileno(), stop.set)  # readable only at its end: the parent is gone

    def ready(lab: Lab) -> None:
        parent.send(lab.doors)

    try:
        await serve(world, canary, ready, stop)
    finally:
        loop.remove_reader(parent.fileno())
