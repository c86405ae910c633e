"""Work that is no scan, for executors; importable by workers."""

import os
import signal
import time
from collections.abc import Callable
from dataclasses import fields
from datetime import UTC, datetime

from survey.errors import ConfigError, StoppedError
from survey.model.assignment import Assignment, Progress, Receipt

Report = Callable[[Progress], None]


def receipt_of(assignment: Assignment) -> Receipt:
    """An empty shard's receipt."""
    now = datetime.now(UTC)
    words = {"run", "plan_hash", "worker", "version", "started_at", "finished_at"}
    counts = dict.fromkeys({field.name for field in fields(Receipt)} - words, 0)
    mine = {name: getattr(assignment, name) for name in ("shard", "attempt", "slot", "epoch")}
    return Receipt(
        run=assignment.run,
        plan_hash=assignment.plan_hash,
        worker=f"here:{os.getpid()}",
        version="0",
        started_at=now,
        finished_at=now,
        **counts | mine,
    )


def work(assignment: Assignment, report: Report) -> Receipt:
    """Shard 13 is killed, 14 stopped, 15 has no key; the others are done."""
    report(Progress(assignment.shard, assignment.attempt, 10, 10, 1, 12, 1, 0))
    if assignment.shard == 13:
        os.kill(os.getpid(), signal.SIGKILL)
    if assignment.shard == 14:
        _break_off()
    if assignment.shard == 15:
        raise ConfigError("token.key", "", "can't be read", "make it")
    time.sleep(0.05)
    return receipt_of(assignment)


def _break_off() -> None:
    """As a shard does: the error that ends it was in the group that it comes after."""
    error = StoppedError("shard 14 broke off")
    try:
        raise ExceptionGroup("all tasks", [error])  # noqa: TRY301 - as a task group does
    except ExceptionGroup:
        raise error from None
