"""The same over Dask: each assignment is carried out once, and what is lost is told."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import dask
import psutil
import pytest
from distributed import LocalCluster, wait
from distributed.comm import CommClosedError
from made_work import work

from survey.cluster import dask as module
from survey.cluster.dask import DaskExecutor, DaskPool
from survey.cluster.executor import Broken, Done, Lost, Outcome
from survey.errors import ConfigError, StoppedError, StorageError
from survey.model.assignment import Assignment, Progress
from survey.storage.proof import prove

Make = Callable[..., Assignment]
REPORTS: list[Progress] = []


@pytest.fixture(scope="module")
def pool() -> Iterator[DaskPool]:
    """A cluster of two workers, started once."""
    with DaskExecutor(workers=2).open(work, REPORTS.append) as opened:
        yield opened


def outcomes_of(pool: DaskPool, assignments: list[Assignment]) -> dict[int, Outcome]:
    """Hand these out, at most as many at once as there are workers, and take them back."""
    waiting, out = list(assignments), 0
    outcomes: dict[int, Outcome] = {}
    until = time.monotonic() + 60
    while (waiting or out) and time.monotonic() < until:
        while waiting and out < 2:
            pool.submit(waiting.pop(0))
            out += 1
        for outcome in pool.wait(0.2):
            out -= 1
            assert outcome.assignment.shard not in outcomes
            outcomes[outcome.assignment.shard] = outcome
    return outcomes


def test_shards_come_back_from_other_processes(pool: DaskPool, make_assignment: Make) -> None:
    """Both workers work, receipts come back, reports arrive on the way."""
    assignments = [make_assignment(shard) for shard in range(6)]

    outcomes = outcomes_of(pool, assignments)

    receipts = [outcome.receipt for outcome in outcomes.values() if isinstance(outcome, Done)]
    assert sorted(receipt.shard for receipt in receipts) == list(range(6))
    workers = {receipt.worker for receipt in receipts}
    assert len(workers) == 2
    assert f"here:{os.getpid()}" not in workers
    until = time.monotonic() + 10
    while {report.shard for report in REPORTS} < set(range(6)) and time.monotonic() < until:
        time.sleep(0.05)
    assert {report.shard for report in REPORTS} >= set(range(6))


def test_width_is_the_number_of_workers(pool: DaskPool) -> None:
    """One thread each."""
    assert pool.width() == 2


def test_nobody_is_there_while_the_scheduler_is_gone() -> None:
    """It may come back; whoever waits is told if it does not."""

    class Gone:
        def nthreads(self) -> dict[str, int]:
            raise CommClosedError

    assert DaskPool(Gone(), print).width() == 0  # type: ignore[arg-type]


def test_our_own_errors_come_back_as_they_were(pool: DaskPool, make_assignment: Make) -> None:
    """With all that their one line says."""
    outcomes = outcomes_of(pool, [make_assignment(14), make_assignment(15)])

    stopped, missing = outcomes[14], outcomes[15]
    assert isinstance(stopped, Broken)
    assert isinstance(stopped.error, StoppedError)
    assert isinstance(missing, Broken)
    assert isinstance(missing.error, ConfigError)
    assert (missing.error.source, missing.error.cure) == ("token.key", "make it")


def test_killed_worker_is_lost_and_dask_does_not_try_again(
    pool: DaskPool, make_assignment: Make
) -> None:
    """Its shard ran once; whether it runs again is the coordinator's to decide."""
    before = len([report for report in REPORTS if report.shard == 13])

    outcomes = outcomes_of(pool, [make_assignment(13)])

    assert isinstance(outcomes[13], Lost)
    assert "died" in outcomes[13].why
    assert len([report for report in REPORTS if report.shard == 13]) - before <= 1
    until = time.monotonic() + 30
    while pool.width() < 2 and time.monotonic() < until:
        time.sleep(0.1)
    assert isinstance(outcomes_of(pool, [make_assignment(16)])[16], Done)


def test_answer_that_dies_with_its_worker_is_lost_soon(
    make_assignment: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its shard is committed: whoever does it again returns its receipt."""
    monkeypatch.setattr(module, "ANSWER", 1.0)
    here = psutil.Process().children(recursive=True)  # another cluster of this module's, perhaps
    with DaskExecutor(workers=2).open(work, REPORTS.append) as pool:
        pool.submit(make_assignment(1))
        (future,) = pool._futures.values()
        wait([future], timeout=60)
        workers = [
            child
            for child in psutil.Process().children(recursive=True)
            if "spawn_main" in " ".join(child.cmdline()) and child not in here
        ]
        for worker in workers:
            worker.kill()
        (outcome,) = pool.wait(30)

    assert isinstance(outcome, Lost)
    assert "can't be read" in outcome.why


def test_every_worker_proves_its_storage(pool: DaskPool, tmp_path: Path) -> None:
    """And the first that can't says which folder."""
    pool.prove(partial(prove, tmp_path / "shards"))

    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match="file"):
        pool.prove(partial(prove, tmp_path / "file" / "shards"))


def test_scheduler_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """With what to give instead."""
    monkeypatch.setattr(module, "REACH", "100ms")
    executor = DaskExecutor(scheduler="tcp://127.0.0.1:9")

    with pytest.raises(ConfigError, match=r"127\.0\.0\.1:9"), executor.open(work, REPORTS.append):
        pass


@contextmanager
def given_cluster(allowed_failures: int) -> Iterator[str]:
    """The address of somebody's cluster."""
    setting = {"distributed.scheduler.allowed-failures": allowed_failures}
    with (
        dask.config.set(setting),
        LocalCluster(
            n_workers=1, threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0"
        ) as cluster,
    ):
        yield cluster.scheduler_address


def test_given_cluster_does_the_same(make_assignment: Make) -> None:
    """An existing scheduler's workers do the work."""
    with (
        given_cluster(0) as address,
        DaskExecutor(scheduler=address).open(work, REPORTS.append) as pool,
    ):
        assert isinstance(outcomes_of(pool, [make_assignment(3)])[3], Done)


def test_scheduler_that_reruns_by_itself_is_refused() -> None:
    """A second run beside a first that may still send would break the cap."""
    with (
        given_cluster(3) as address,
        pytest.raises(ConfigError, match="ALLOWED_FAILURES=0"),
        DaskExecutor(scheduler=address).open(work, REPORTS.append),
    ):
        pass
