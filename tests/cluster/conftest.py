"""Assignments, and work that a test plays."""

from collections.abc import Callable

import pytest

from survey.model.assignment import Assignment


@pytest.fixture
def make_assignment() -> Callable[[int], Assignment]:
    """An assignment of some shard."""

    def make(shard: int, data: str = "/nowhere") -> Assignment:
        return Assignment(
            data, "/keys", "made", "2026-W48", "ab" * 32, shard, 0, 0, 1, "127.0.0.1:9"
        )

    return make
