"""One shard after another, in this thread."""

import threading
from collections.abc import Callable

from made_work import work

from survey.cluster.executor import Broken, Done
from survey.cluster.serial import SerialExecutor
from survey.errors import StoppedError
from survey.model.assignment import Assignment, Progress, Receipt

Make = Callable[[int], Assignment]


def test_shards_are_done_in_order_here(make_assignment: Make) -> None:
    """Reports and receipts come from this very thread."""
    threads = set()
    reports: list[Progress] = []

    def noted(assignment: Assignment, report: Callable[[Progress], None]) -> Receipt:
        threads.add(threading.current_thread())
        return work(assignment, report)

    with SerialExecutor().open(noted, reports.append) as pool:
        assert pool.width() == 1
        for shard in (4, 2):
            pool.submit(make_assignment(shard))
        outcomes = [*pool.wait(1), *pool.wait(1), *pool.wait(1)]

    assert [type(outcome) for outcome in outcomes] == [Done, Done]
    assert [outcome.receipt.shard for outcome in outcomes if isinstance(outcome, Done)] == [4, 2]
    assert [report.shard for report in reports] == [4, 2]
    assert threads == {threading.current_thread()}


def test_error_is_an_outcome(make_assignment: Make) -> None:
    """The coordinator judges it."""
    with SerialExecutor().open(work, lambda _: None) as pool:
        pool.submit(make_assignment(14))
        (outcome,) = pool.wait(1)

    assert isinstance(outcome, Broken)
    assert isinstance(outcome.error, StoppedError)


def test_proof_runs_here() -> None:
    """There is no other worker."""
    proofs = []
    with SerialExecutor().open(work, lambda _: None) as pool:
        pool.prove(lambda: proofs.append(1))

    assert proofs == [1]
