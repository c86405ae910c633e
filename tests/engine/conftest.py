"""Virtual time, a gate that a test tells what to do, targets in batches, coordinators."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack
from typing import Any

import numpy as np
import pytest
from made_leases import MadeCoordinator, coordinating
from made_scan import MadeScan
from numpy.typing import NDArray
from virtual_time import VirtualClock, VirtualLoop

from survey.targets.gate import Sorted
from survey.targets.shards import Batch


@pytest.fixture
def clock() -> VirtualClock:
    """A clock at some moment."""
    return VirtualClock()


@pytest.fixture
def run_virtually(clock: VirtualClock) -> Callable[[Coroutine[Any, Any, Any]], Any]:
    """Run a coroutine to its end in virtual time."""

    def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
        with asyncio.Runner(loop_factory=lambda: VirtualLoop(clock)) as runner:
            return runner.run(coroutine)

    return run


class OpenGate:
    """A gate that keeps nothing back but what a test tells it to, and counts what it is asked."""

    def __init__(self) -> None:
        self.version = 1
        self.excluded: set[int] = set()
        self.opted_out: set[int] = set()
        self.asked = 0

    def change(
        self, *, excluded: set[int] = frozenset(), opted_out: set[int] = frozenset()
    ) -> None:
        """Keep these back from now on."""
        self.excluded |= excluded
        self.opted_out |= opted_out
        self.version += 1

    def sort(self, ips: NDArray[np.uint32]) -> Sorted:
        """As the real gate does."""
        self.asked += len(ips)
        opted_out = np.array([ip in self.opted_out for ip in ips.tolist()], dtype=bool)
        excluded = np.array([ip in self.excluded for ip in ips.tolist()], dtype=bool) & ~opted_out
        return Sorted(~(opted_out | excluded), excluded, opted_out)


@pytest.fixture
def gate() -> OpenGate:
    """A gate that is open."""
    return OpenGate()


@pytest.fixture
def batches() -> Callable[..., Iterator[Batch]]:
    """Targets in batches of a size."""

    def cut(targets: list[tuple[int, int]], size: int = 16) -> Iterator[Batch]:
        for start in range(0, len(targets), size):
            part = targets[start : start + size]
            yield Batch(
                np.array([ip for ip, _ in part], dtype=np.uint32),
                np.array([port for _, port in part], dtype=np.uint16),
            )

    return cut


@pytest.fixture
def lead() -> Iterator[Callable[[MadeScan], MadeCoordinator]]:
    """Coordinators of made scans, until the end of the test."""
    with ExitStack() as stack:
        yield lambda made: stack.enter_context(coordinating(made))
