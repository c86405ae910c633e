"""What disks, clocks and strangers do to a scan: it says what is wrong, and law 6 holds."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from law6 import whole
from made_scan import FIRST, MadeScan, make_scan, open_socks5, world

from survey.model.plan import Rate
from survey.storage.handouts import read_handouts
from survey.storage.manifest import committed

MADE = Path(__file__).parents[1] / "made"
FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)
PATIENCE = 100.0


def start(root: Path, executor: str, **environment: str) -> subprocess.Popen[str]:
    """A scan of what was made there."""
    return subprocess.Popen(
        [sys.executable, str(MADE / "made_coordinator.py"), str(root), executor],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | environment,
    )


def end(process: subprocess.Popen[str]) -> tuple[int, list[dict[str, Any]], str]:
    """Its exit code, its lines, its complaints."""
    out, complaints = process.communicate(timeout=PATIENCE)
    return process.returncode, [json.loads(line) for line in out.splitlines()], complaints


def until(true: Any) -> None:
    """Wait for something."""
    stop = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < stop, "never came true"
        time.sleep(0.02)


@pytest.mark.long
def test_worker_that_dies_right_after_its_commit_has_committed(tmp_path: Path) -> None:
    """Nobody heard of it; who does the shard again finds it done and sends nothing."""
    with world(tmp_path, {FIRST + 5: open_socks5}) as there:
        made = make_scan(
            tmp_path, addresses=200, shard_addresses=50, canary=there.canary, lease_seconds=2.0
        )
        name = made.run.shard(1).name
        fatal = {"SURVEY_TESTS_ALSO": "fatal_commit", "SURVEY_TESTS_FATAL": name}
        path = os.pathsep.join([str(MADE), os.environ["PYTHONPATH"]])
        code, lines, complaints = end(start(tmp_path, "dask", PYTHONPATH=path, **fatal))

    assert code == 0, complaints
    assert (made.run.root / f"{name}.fatal").exists()
    receipts, _ = whole(made)
    assert [one.attempt for one in receipts] == [0, 0, 0, 0]
    assert [one.attempt for one in read_handouts(made.run) if one.shard == 1] == [0, 1]
    assert lines[-1]["retries"] == 1


@contextmanager
def small_disk(folder: Path, kilobytes: int) -> Iterator[Path]:
    """A file system of that size, full but for as much as is said to ``leave``."""
    if os.geteuid() != 0 or "SURVEY_TESTS_ALONE" not in os.environ:
        pytest.skip("a small disk is mounted only in namespaces of our own: `make test` as root")
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(folder)]
    subprocess.run(mount, check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path, leave: int) -> Path:
    """A file that leaves so many bytes free."""
    filler = folder / "filler"
    free = shutil.disk_usage(folder).free
    filler.write_bytes(bytes(max(0, free - leave)))
    return filler


@pytest.mark.parametrize("leave", [0, 8192, 20_480])
@pytest.mark.long
def test_full_disk_is_told_and_the_scan_resumes_when_there_is_room(
    tmp_path: Path, leave: int
) -> None:
    """Whatever could not be written whole is not there."""
    with small_disk(tmp_path / "disk", 2048) as root, world(root, {FIRST + 5: open_socks5}) as it:
        made = make_scan(
            root,
            addresses=120,
            shard_addresses=20,
            canary=it.canary,
            rate=Rate(100, 100.0, 1),
            lease_seconds=2.0,
        )
        process = start(root, "serial")
        until(lambda: committed(made.run, made.hash))
        filler = fill(root, leave)
        code, _, complaints = end(process)
        assert code == 1
        assert "No space left" in complaints
        before = committed(made.run, made.hash)

        filler.unlink()
        code, lines, complaints = end(start(root, "serial"))

        assert code == 0, complaints
        receipts, _ = whole(made)
        assert {one.shard: one for one in receipts}.items() >= before.items()
        assert lines[-1]["sent"] == 120


@pytest.mark.skipif(FAKETIME is None, reason="libfaketime is not installed")
@pytest.mark.long
def test_steps_of_the_clock_change_nothing_but_times(tmp_path: Path) -> None:
    """An hour ahead and back in the middle: no lease ends, no shard takes negative time."""
    offset = tmp_path / "offset"

    def step(seconds: int) -> None:
        fresh = tmp_path / "fresh"
        fresh.write_text(f"{seconds:+d}\n")
        fresh.replace(offset)

    step(0)
    with world(tmp_path, {FIRST + 5: open_socks5}) as there:
        made = make_scan(
            tmp_path,
            addresses=240,
            shard_addresses=60,
            canary=there.canary,
            rate=Rate(60, 60.0, 1),
            slots=1,
            lease_seconds=3.0,
        )
        faked = {
            "LD_PRELOAD": str(FAKETIME),
            "FAKETIME_TIMESTAMP_FILE": str(offset),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_DONT_RESET": "1",
        }
        # In one process: libfaketime would also move the kernel's timer that watches over workers.
        process = start(tmp_path, "serial", **faked)
        for seconds in (3600, 60, 7200):
            before = len(committed(made.run, made.hash))
            until(
                lambda before=before: (
                    len(committed(made.run, made.hash)) > before or made.run.done.exists()
                )
            )
            step(seconds)
        code, lines, complaints = end(process)

    assert code == 0, complaints
    receipts, _ = whole(made)
    assert lines[-1]["retries"] == 0
    for receipt in receipts:
        assert 0 <= (receipt.finished_at - receipt.started_at).total_seconds() < PATIENCE
    began = [receipt.started_at for receipt in receipts]
    assert (max(began) - min(began)).total_seconds() > 3000, "the clock was not stepped"


def copied(made: MadeScan, shard: int, name: str) -> None:
    """Somebody copies a shard's file within its folder."""
    shutil.copy(made.run.shard(shard), made.run.shards / name)


def test_copied_shard_file_is_passed_over_or_named(tmp_path: Path) -> None:
    """A backup's copy counts for nothing; a copy under another shard's name is an error."""
    made = make_scan(tmp_path, addresses=80, shard_addresses=20, lease_seconds=2.0)
    assert end(start(tmp_path, "serial"))[0] == 0
    copied(made, 1, "shard-000001 (copy).parquet")
    copied(made, 1, "shard-000001.parquet.bak")
    whole(made)
    assert end(start(tmp_path, "serial"))[0] == 0

    made.run.shard(2).unlink()
    copied(made, 1, made.run.shard(2).name)
    code, _, complaints = end(start(tmp_path, "serial"))
    assert code == 1
    assert "belongs to another plan or shard" in complaints

    made.run.shard(2).unlink()
    made.run.done.unlink()
    assert end(start(tmp_path, "serial"))[0] == 0
    whole(made)
