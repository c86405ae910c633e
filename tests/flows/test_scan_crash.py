"""Kill anything at any moment, run again: law 6 holds, from receipts and observations."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from law6 import whole
from made_scan import FIRST, MadeScan, closed_socks5, make_scan, open_socks5, world

from survey.model.observation import Step
from survey.model.plan import Rate
from survey.storage.control import read_term
from survey.storage.handouts import read_handouts
from survey.storage.layout import Layout
from survey.storage.manifest import committed

SCRIPT = Path(__file__).parents[1] / "made" / "made_coordinator.py"
DOORS = {FIRST + 5: open_socks5, FIRST + 77: closed_socks5, FIRST + 150: open_socks5}
PATIENCE = 200.0
"""Seconds until something has surely gone wrong, on however busy a machine."""
SLOTS = 2

pytestmark = pytest.mark.timeout(PATIENCE + 60)


@contextmanager
def made_world(
    root: Path, shard_addresses: int = 100, lease_seconds: float = 2.0
) -> Iterator[MadeScan]:
    """Shards of a second and more each, with three doors among refusing addresses."""
    with world(root, DOORS) as there:
        yield make_scan(
            root,
            addresses=600,
            shard_addresses=shard_addresses,
            canary=there.canary,
            rate=Rate(200, 200.0, 2),
            lease_seconds=lease_seconds,
        )


class Running:
    """A scan in a process group of its own."""

    def __init__(self, root: Path, executor: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(SCRIPT), str(root), executor],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def end(self) -> tuple[int, list[dict[str, Any]], str]:
        """Its exit code, its lines, and its complaints, once it has ended."""
        out, err = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, [json.loads(line) for line in out.splitlines()], err

    def workers(self) -> list[psutil.Process]:
        """Worker processes that run our shards."""
        children = psutil.Process(self.process.pid).children(recursive=True)
        return [child for child in children if "spawn_main" in " ".join(child.cmdline())]

    def kill_all(self) -> None:
        """As a power cut would."""
        for child in psutil.Process(self.process.pid).children(recursive=True):
            child.kill()
        self.process.kill()
        self.process.communicate()


@contextmanager
def scanning(root: Path, executor: str) -> Iterator[Running]:
    """A scan that does not outlive its test."""
    running = Running(root, executor)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.kill_all()


def until(true: Callable[[], bool]) -> None:
    """Wait for something."""
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, "never came true"
        time.sleep(0.02)


def halfway(made: MadeScan) -> bool:
    """Some shards are committed, and others are under way."""
    done = len(committed(made.run, made.hash))
    return 1 <= done < len(read_handouts(made.run)) < made.plan.shards + 1


def all_at_work(made: MadeScan) -> bool:
    """Some shards are committed, and every worker has one: whoever is killed loses it."""
    done = len(committed(made.run, made.hash))
    return done >= 1 and len(read_handouts(made.run)) - done == SLOTS


def over(made: MadeScan) -> bool:
    """Whether the last coordinator left no lease that could be alive."""
    term = read_term(Layout(made.settings.data))
    return term is not None and term.over


def check(made: MadeScan) -> None:
    """The run is whole, and its doors were found for what they are."""
    _, table = whole(made)
    steps = {(row["ip"], row["step"]) for row in table.to_pylist()}
    assert steps == {
        (FIRST + 5, Step.ECHOED),
        (FIRST + 77, Step.SPOKE),
        (FIRST + 150, Step.ECHOED),
    }


@pytest.mark.parametrize("executor", ["serial", "dask"])
def test_whole_scan_killed_in_the_middle_is_resumed(tmp_path: Path, executor: str) -> None:
    """Coordinator and workers gone at once, with torn files left behind."""
    with made_world(tmp_path) as made:
        with scanning(tmp_path, executor) as running:
            until(lambda: halfway(made))
            running.kill_all()
        before = committed(made.run, made.hash)
        torn = made.run.shards / f"{made.run.shard(5).name}.0a1b2c3d4e5f.part"
        torn.write_bytes(b"PAR1 torn")
        assert not over(made)

        with scanning(tmp_path, executor) as running:
            code, lines, complaints = running.end()

    assert code == 0, complaints
    check(made)
    after = committed(made.run, made.hash)
    assert {shard: after[shard] for shard in before} == before
    assert lines[-1]["planned"] == lines[-1]["sent"] == 600
    assert len({receipt.epoch for receipt in after.values()}) == 2
    handouts = read_handouts(made.run)
    assert len(handouts) > 6
    again = [one for one in handouts if one.shard not in before and one.epoch == 2]
    assert max(one.attempt for one in again) == 1


def test_worker_killed_in_the_middle_is_replaced(tmp_path: Path) -> None:
    """The scan goes on by itself; the lost shard is done by another, when that is safe."""
    with made_world(tmp_path) as made, scanning(tmp_path, "dask") as running:
        until(lambda: all_at_work(made))
        victim = running.workers()[0]
        victim.kill()
        code, lines, complaints = running.end()

    assert code == 0, complaints
    check(made)
    assert lines[-1]["retries"] >= 1  # a busy machine may lose another's lease, too
    handouts = read_handouts(made.run)
    for again in (one for one in handouts if one.attempt == 1):
        first = next(one for one in handouts if one.shard == again.shard)
        assert (again.at - first.at).total_seconds() >= made.plan.lease_seconds


def test_frozen_worker_is_ended_within_its_lease(tmp_path: Path) -> None:
    """It can't thaw later and go on sending; its shard is done by another."""
    with (
        made_world(tmp_path, shard_addresses=300) as made,
        scanning(tmp_path, "dask") as running,
    ):
        until(lambda: len(read_handouts(made.run)) == 2)
        time.sleep(0.5)
        victim = running.workers()[0]
        victim.suspend()
        assert not psutil.wait_procs([victim], timeout=made.plan.lease_seconds + 5)[1]
        code, lines, complaints = running.end()

    assert code == 0, complaints
    check(made)
    assert lines[-1]["retries"] <= 1


@pytest.mark.parametrize(
    ("executor", "kill", "number"),
    [
        ("serial", os.kill, signal.SIGTERM),
        ("serial", os.killpg, signal.SIGINT),
        ("dask", os.killpg, signal.SIGINT),
    ],
)
def test_signal_stops_cleanly_and_can_be_resumed(
    tmp_path: Path, executor: str, kill: Callable[[int, int], None], number: signal.Signals
) -> None:
    """A terminal's SIGINT reaches coordinator and workers alike; exit code 3."""
    with made_world(tmp_path, lease_seconds=10.0) as made:
        with scanning(tmp_path, executor) as running:
            until(lambda: halfway(made))
            kill(running.process.pid, number)
            code, _, complaints = running.end()
        assert code == 3, complaints
        assert "run `survey scan` again to resume" in complaints
        assert "Traceback" not in complaints
        assert over(made)

        with scanning(tmp_path, executor) as running:
            code, _, complaints = running.end()

    assert code == 0, complaints
    check(made)
