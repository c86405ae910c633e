"""The lab in a process of its own."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from survey.lab.child import Ready, child
from survey.lab.mailroom import Mailroom
from survey.lab.server import serve
from survey.lab.world import World
from survey.model.plan import Canary


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
def lab_process(
    world: World, canary: Canary, mailroom: Mailroom | None = None
) -> Iterator[LabProcess]:
    """The lab in another process, while the block runs; every door is open when it begins.

    With a mailroom its operators get mail there, and react.

    Raises:
        SurveyError: It could not start; the text says why.
    """
    with child("lab", _serve, world, canary, mailroom) as lab:
        yield LabProcess(lab.pid, lab.news)


async def _serve(
    world: World, canary: Canary, mailroom: Mailroom | None, ready: Ready, stop: asyncio.Event
) -> None:
    await serve(world, canary, lambda lab: ready(lab.doors), stop, mailroom)
