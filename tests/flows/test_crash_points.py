"""Killed before and after every step that a scan takes on the disk, then run again: law 6 holds."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest
from law6 import whole
from made_scan import FIRST, MadeScan, make_scan, open_socks5, world

from survey.model.plan import Canary
from survey.storage.handouts import read_handouts

SCRIPT = Path(__file__).parents[1] / "made" / "made_crashes.py"
AT_ONCE = 6
KILLED = 9


class Forks:
    """Processes that scan as they are told, several at once."""

    def __init__(self) -> None:
        self._idle: SimpleQueue[subprocess.Popen[str]] = SimpleQueue()
        self._all = [self._start() for _ in range(AT_ONCE)]
        for process in self._all:
            self._idle.put(process)

    @staticmethod
    def _start() -> subprocess.Popen[str]:
        pipe = subprocess.PIPE
        return subprocess.Popen([sys.executable, str(SCRIPT)], stdin=pipe, stdout=pipe, text=True)

    def scan(
        self, root: Path, step: int | None = None, *, after: bool = False
    ) -> tuple[int, list[str]]:
        """Status and steps of one scan that dies at a step."""
        process = self._idle.get()
        try:
            assert process.stdin is not None
            assert process.stdout is not None
            wish = {"root": str(root), "step": step, "after": after}
            process.stdin.write(json.dumps(wish) + "\n")
            process.stdin.flush()
            end = json.loads(process.stdout.readline())
            return end["status"], end["steps"]
        finally:
            self._idle.put(process)

    def close(self) -> None:
        """End them."""
        for process in self._all:
            process.communicate("")


@pytest.fixture(scope="module")
def forks() -> Iterator[Forks]:
    """Ready to scan."""
    made = Forks()
    yield made
    made.close()


@pytest.fixture(scope="module")
def canary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Canary]]:
    """One door and the canary, for all scans: where their key is, and where they are."""
    root = tmp_path_factory.mktemp("world")
    with world(root, {FIRST + 1: open_socks5}) as there:
        yield root, there.canary


def make(root: Path, canary: tuple[Path, Canary]) -> MadeScan:
    """Two shards of four addresses; one of these is an open proxy.

    A run of its own has tokens of its own: the canary has enough of one after fifty visits.
    """
    root.mkdir()
    (root / "keys").symlink_to(canary[0] / "keys")
    return make_scan(
        root,
        run=root.name,
        addresses=8,
        shard_addresses=4,
        canary=canary[1],
        slots=1,
        lease_seconds=1.2,
    )


def timeless(made: MadeScan) -> tuple[Any, ...]:
    """Every row, without what differs from one scan to the next."""
    _, table = whole(made)
    names = ("shard", "ip", "port", "probe", "variant", "attempt", "step", "failure")
    return tuple(tuple(row[name] for name in names) for row in table.to_pylist())


def reference(
    tmp_path: Path, canary: tuple[Path, Canary], forks: Forks
) -> tuple[list[str], tuple[Any, ...]]:
    """The steps of a scan that is not killed, and its rows."""
    made = make(tmp_path / "reference", canary)
    status, steps = forks.scan(tmp_path / "reference")
    assert status == 0
    return steps, timeless(made)


def killed_and_resumed(
    root: Path, canary: tuple[Path, Canary], forks: Forks, step: int, *, after: bool
) -> tuple[MadeScan, str]:
    """A scan that died at a step and was run again; and what that step was."""
    made = make(root, canary)
    status, steps = forks.scan(root, step, after=after)
    assert os.WTERMSIG(status) == KILLED, (step, status)
    again, _ = forks.scan(root)
    assert again == 0
    return made, steps[-1]


def prove(
    tmp_path: Path,
    canary: tuple[Path, Canary],
    forks: Forks,
    points: list[tuple[int, bool]],
    rows: tuple[Any, ...],
) -> list[tuple[str, str, int]]:
    """Kill a scan of its own at each point; a row for each: step, when, shards handed out."""

    def one(point: tuple[int, bool]) -> tuple[str, str, int]:
        step, after = point
        root = tmp_path / f"{step}-{'after' if after else 'before'}"
        made, name = killed_and_resumed(root, canary, forks, step, after=after)
        assert timeless(made) == rows, name
        return name, "after" if after else "before", len(read_handouts(made.run))

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(one, points))


@pytest.mark.timeout(240)
def test_kill_around_every_step_of_a_commit_loses_and_repeats_nothing(
    tmp_path: Path, canary: tuple[Path, Canary], forks: Forks
) -> None:
    """Before and after each write, fsync, link and replace between two shards."""
    steps, rows = reference(tmp_path, canary, forks)
    begin = next(index for index, step in enumerate(steps) if step.startswith("write handouts"))
    stop = next(index for index, step in enumerate(steps) if "manifest" in step)
    points = [(step, after) for step in range(begin, stop + 2) for after in (False, True)]

    table = prove(tmp_path, canary, forks, points, rows)

    names = {name for name, _, _ in table}
    assert {"fsync shard-000000.parquet.part", "link shard-000000.parquet", "fsync shards"} <= names
    assert max(handed for *_, handed in table) == 3


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_kill_around_every_step_of_a_whole_scan_loses_and_repeats_nothing(
    tmp_path: Path, canary: tuple[Path, Canary], forks: Forks
) -> None:
    """From the first file of the coordinator to its last."""
    steps, rows = reference(tmp_path, canary, forks)
    points = [(step, after) for step in range(len(steps)) for after in (False, True)]

    prove(tmp_path, canary, forks, points, rows)
