"""Two workers on machines of their own, and nothing between them and us but Dask and a bucket."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from law6 import whole
from made_hosts import dask_environment, end, unit_command
from made_scan import FIRST, HOME, MadeScan, free_port, make_scan, open_socks5, world
from object_store import new_bucket, object_store

import survey
from survey.cluster.dask import DaskExecutor
from survey.flows.judge import judge
from survey.flows.scan import scan
from survey.model.verdict import Verdict
from survey.settings import copy_folder, read_settings
from survey.storage.manifest import read_manifest
from survey.storage.remote import Remote

pytestmark = [pytest.mark.long, pytest.mark.timeout(240)]

WORKERS = ("worker-1", "worker-2")
OPEN = (FIRST + 5, FIRST + 70, FIRST + 201)


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A bucket on loopback; the coordinator's copies are the test's."""
    with object_store() as endpoint:
        monkeypatch.setenv("SURVEY_COPIES", str(tmp_path / "coordinator"))
        yield new_bucket(endpoint)


def test_two_workers_scan_at_a_url(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both commit shards there; the run is whole, judged, and read by whoever has nothing yet."""
    with world(tmp_path, dict.fromkeys(OPEN, open_socks5)) as there:
        made = make_scan(tmp_path, canary=there.canary, addresses=256, shard_addresses=32)
        copy = copy_folder(url)
        copy.parent.mkdir(parents=True)
        copy.symlink_to(made.settings.data)  # the canary's log is there
        made = MadeScan(replace(made.settings, data=copy, url=url), made.plan)
        with cluster(made.settings.keys, tmp_path) as address:
            executor = DaskExecutor(scheduler=address, keys=made.settings.keys)
            scan(made.plan, made.hash, made.settings, executor, lambda _: None)

    receipts = read_manifest(made.run).receipts()
    assert sorted(one.shard for one in receipts) == list(range(8))
    workers = {one.worker.partition(":")[2] for one in receipts}
    assert len(workers) == 2
    judged = judge(made.settings, made.plan.campaign, made.plan.run)
    assert judged.findings[Verdict.OPEN] == len(OPEN)

    for name in WORKERS:
        kept = {path.name for path in (tmp_path / name).rglob("*") if path.is_file()}
        assert "plan.json" in kept
        assert "findings.parquet" not in kept  # made after its work was done
    lies_there = {name.rpartition("/")[2] for name in Remote(url).names()}
    assert {f"shard-{number:06d}.parquet" for number in range(8)} <= lies_there
    monkeypatch.setenv("SURVEY_COPIES", str(tmp_path / "an-analyst"))
    with survey.open(url) as s:
        opened = s.sql("SELECT ip FROM findings WHERE verdict = 'open' ORDER BY ip").fetchall()
        assert opened == [(ip,) for ip in OPEN]
    whole(MadeScan(read_settings(url, str(made.settings.keys)), made.plan))


class cluster:  # noqa: N801 - read as a sentence
    """A scheduler and two workers as their units start them, each with a copy of its own."""

    def __init__(self, keys: Path, folder: Path) -> None:
        self._keys, self._folder, self._stack = keys, folder, ExitStack()

    def __enter__(self) -> str:
        port = str(free_port(HOME))
        command = unit_command("survey-scheduler.service", "127.0.0.1", "")
        self._start("scheduler", [port if word == "8786" else word for word in command])
        address = f"tls://127.0.0.1:{port}"
        for name in WORKERS:
            command = unit_command("survey-worker@.service", "127.0.0.1", address, name)
            command[command.index("--local-directory") + 1] = str(self._folder / f"dask-{name}")
            self._start(name, command)
        until = time.monotonic() + 90
        while not all(map(self._registered, WORKERS)) and time.monotonic() < until:
            time.sleep(0.2)
        return address

    def _registered(self, name: str) -> bool:
        return b"Registered to" in (self._folder / f"{name}.log").read_bytes()

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _start(self, name: str, command: list[str]) -> None:
        environment = {
            **os.environ,
            **dask_environment(self._keys),
            "SURVEY_COPIES": str(self._folder / name),
        }
        log = self._stack.enter_context((self._folder / f"{name}.log").open("wb"))
        process = subprocess.Popen(
            command, env=environment, stdout=log, stderr=log, start_new_session=True
        )
        self._stack.callback(end, process)


def test_python_is_the_one_of_the_units() -> None:
    """Else the workers would be another program's."""
    assert unit_command("survey-scheduler.service", "127.0.0.1", "")[0].startswith(
        str(Path(sys.executable).parent)
    )
