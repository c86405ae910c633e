"""Targets leave the queue once each, deferred ones at their time and first."""

from collections.abc import Iterator

import numpy as np

from survey.engine.syn.waiting import Targets, Waiting


def targets(first: int, stop: int) -> Targets:
    """Places first to stop."""
    places = np.arange(first, stop, dtype=np.int64)
    return Targets(
        places, places.astype(np.uint32), places.astype(np.uint16), places.astype(np.uint64)
    )


def batches(total: int, size: int) -> Iterator[Targets]:
    """All of them, some at a time."""
    for first in range(0, total, size):
        yield targets(first, min(first + size, total))


def test_fresh_ones_come_in_their_order() -> None:
    """Across batches, as many as are asked for."""
    waiting = Waiting(batches(10, 4))

    assert waiting.take(3, 0.0).places.tolist() == [0, 1, 2]
    assert waiting.take(5, 0.0).places.tolist() == [3, 4, 5, 6, 7]
    assert not waiting.exhausted
    assert waiting.take(5, 0.0).places.tolist() == [8, 9]
    assert len(waiting.take(5, 0.0)) == 0
    assert waiting.exhausted


def test_deferred_ones_go_at_their_time_earliest_first() -> None:
    """Not before; then ahead of fresh ones."""
    waiting = Waiting(batches(8, 8))
    taken = waiting.take(4, 0.0)
    waiting.defer(taken, np.array([3.0, 1.0, 2.0, 9.0]))

    assert (waiting.deferred, waiting.due) == (4, 1.0)
    assert waiting.take(1, 0.5).places.tolist() == [4]
    assert waiting.take(1, 3.0).places.tolist() == [1]
    assert waiting.take(9, 3.0).places.tolist() == [2, 0, 5, 6, 7]
    assert (waiting.deferred, waiting.due) == (1, 9.0)
    assert not waiting.exhausted
    assert waiting.take(9, 9.0).places.tolist() == [3]
    assert waiting.exhausted
    assert waiting.due is None


def test_columns_stay_together() -> None:
    """A target that waited is still itself."""
    waiting = Waiting(batches(6, 3))
    waiting.defer(waiting.take(5, 0.0)[1:4], np.array([2.0, 1.0, 3.0]))

    for one in (waiting.take(2, 5.0), waiting.take(9, 5.0)):
        assert one.places.tolist() == one.ips.tolist() == one.ports.tolist() == one.marks.tolist()


def test_only_deferred_ones_while_too_many_wait() -> None:
    """Then no fresh ones are taken."""
    waiting = Waiting(batches(6, 6))
    waiting.defer(waiting.take(1, 0.0), np.array([1.0]))

    assert waiting.take(3, 2.0, only_deferred=True).places.tolist() == [0]
    assert len(waiting.take(3, 2.0, only_deferred=True)) == 0
    assert len(waiting.take(9, 2.0)) == 5


def test_no_targets_at_all() -> None:
    """An empty shard ends at once."""
    waiting = Waiting(iter(()))

    assert len(waiting.take(5, 0.0)) == 0
    assert waiting.exhausted
