"""The lab in a process of its own."""

import os
import signal
import socket
import subprocess
import sys
import time

import psutil
import pytest

from survey.errors import SurveyError
from survey.lab.personality import Personality
from survey.lab.process import lab_process
from survey.lab.world import World
from survey.model.address import Range, format_ip, parse_ip
from survey.model.plan import Canary, Endpoint

WORLD = World("process", (Range(parse_ip("127.81.0.0"), parse_ip("127.81.15.255")),), 60)
CANARY = Canary(
    ("canary.example",),
    Endpoint(parse_ip("127.0.0.98"), 2525),
    Endpoint(parse_ip("127.0.0.98"), 2526),
)


def a_door() -> tuple[str, int]:
    """A door that answers a SYN."""
    return next(
        (format_ip(machine.ip), door.port)
        for machine, door in WORLD.doors()
        if door.personality is not Personality.SILENT
    )


def test_doors_are_open_inside_the_block_only() -> None:
    """And the process is gone after it."""
    with lab_process(WORLD, CANARY) as lab:
        assert lab.doors == sum(1 for _ in WORLD.doors())
        socket.create_connection(a_door()).close()

    assert not psutil.pid_exists(lab.pid)
    with socket.socket() as link:
        assert link.connect_ex(a_door()) == 111


def test_a_lab_that_cannot_start_says_why() -> None:
    """The child's error arrives as ours."""
    with (
        lab_process(WORLD, CANARY),
        pytest.raises(SurveyError, match="is taken"),
        lab_process(WORLD, CANARY),
    ):
        pass


PARENT = """
import sys
from survey.lab.process import lab_process
from survey.lab.world import World
from survey.model.address import Range
from survey.model.plan import Canary, Endpoint
if __name__ == "__main__":
    first, last, canary = map(int, sys.argv[1:])
    ends = Endpoint(canary, 2525), Endpoint(canary, 2526)
    world = World("orphan", (Range(first, last),), 20)
    with lab_process(world, Canary(("canary.example",), *ends)) as lab:
        print(lab.pid, flush=True)
        sys.stdin.read()
"""


def test_the_lab_dies_with_its_parent(tmp_path: os.PathLike[str]) -> None:
    """However that ends: a kill -9 leaves no lab behind."""
    script = os.path.join(tmp_path, "parent.py")  # noqa: PTH118
    with open(script, "w", encoding="utf-8") as file:  # noqa: PTH123
        file.write(PARENT)
    numbers = map(str, (parse_ip("127.82.0.0"), parse_ip("127.82.3.255"), CANARY.smtp.ip))
    parent = subprocess.Popen(
        [sys.executable, script, *numbers],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    lab = psutil.Process(int(parent.stdout.readline()))

    parent.send_signal(signal.SIGKILL)
    parent.communicate()

    deadline = time.monotonic() + 20
    while lab.is_running() and lab.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.02)
