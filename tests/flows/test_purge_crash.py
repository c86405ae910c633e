"""Killed before any step that an erasure takes on the disk, then run again: all of it is gone."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from everything import GONE, copied, found_in, make_everything
from made_data import CAMPAIGN, RUN, MadeData

from survey.analysis.notebook import open as open_survey
from survey.storage.compaction import observation_files
from survey.storage.manifest import read_manifest
from survey.storage.rounds import rounds_of

SCRIPT = Path(__file__).parents[1] / "made" / "made_crashes.py"
KILLED = 9


class Eraser:
    """A process that forks one that erases, and dies when told."""

    def __init__(self) -> None:
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            [sys.executable, str(SCRIPT), "purge"], stdin=pipe, stdout=pipe, text=True
        )

    def erase(self, root: Path, step: int | None = None) -> tuple[int, int]:
        """Status, and how many steps were taken."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        wish = {"root": str(root), "step": step, "after": False}
        self.process.stdin.write(json.dumps(wish) + "\n")
        self.process.stdin.flush()
        end = json.loads(self.process.stdout.readline())
        return end["status"], len(end["steps"])


@pytest.fixture(scope="module")
def eraser() -> Iterator[Eraser]:
    """Ready to erase."""
    made = Eraser()
    yield made
    made.process.communicate("")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> MadeData:
    """A data directory with everything in it; nobody changes it."""
    return make_everything(tmp_path_factory.mktemp("everything"))


def readers_go_on(made: MadeData) -> None:
    """Whatever was done until then, every table is whole, and adds up."""
    for path in made.layout.root.rglob("*.parquet"):
        pq.read_table(path)
    run = made.layout.run(CAMPAIGN, RUN)
    for paths in (run, *rounds_of(run)):
        for path, receipt in read_manifest(paths).shards:
            assert pq.read_metadata(path).num_rows == receipt.kept
    rows = sum(pq.read_metadata(path).num_rows for path in observation_files(run))
    assert 5 <= rows <= 8
    with open_survey(made.layout.root) as survey:
        assert survey.sql("SELECT count(*) FROM observations").fetchall() == [(rows,)]


def killed_and_again(eraser: Eraser, made: MadeData, folder: Path, step: int) -> None:
    """Kill an erasure at a step, look, and erase again."""
    mine = copied(made, folder)
    assert eraser.erase(folder, step)[0] == KILLED
    readers_go_on(mine)
    assert eraser.erase(folder)[0] == 0
    left = found_in(mine.layout.root, GONE)
    # a temporary file of the dead process, never read, goes a day later
    assert {name for name in left if not name.endswith(".part")} == set()
    readers_go_on(mine)


@pytest.fixture(scope="module")
def steps(eraser: Eraser, made: MadeData, tmp_path_factory: pytest.TempPathFactory) -> int:
    """How many steps an erasure takes."""
    folder = tmp_path_factory.mktemp("whole")
    copied(made, folder)
    status, steps = eraser.erase(folder)
    assert status == 0
    return steps


@pytest.mark.parametrize("part", range(4))
def test_killed_erasure_is_finished_by_the_next(
    eraser: Eraser, made: MadeData, steps: int, tmp_path: Path, part: int
) -> None:
    """Four of its steps, spread over all."""
    killed_and_again(eraser, made, tmp_path, (2 * part + 1) * steps // 8)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_erasure_may_be_killed_anywhere(
    eraser: Eraser, made: MadeData, steps: int, tmp_path: Path
) -> None:
    """Each of its steps."""
    for step in range(steps):
        killed_and_again(eraser, made, tmp_path / f"killed-{step}", step)
