"""Checks per second of several checkers, in turn, by the clock and by their own CPU time."""

import resource
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from tests.benchmarks.result import Result, rss_mb

TURNS = 3


@dataclass(frozen=True, slots=True)
class Checked:
    """One turn of one checker.

    Attributes:
        rate: Checks per second.
        per_cpu: Checks per second of its own CPU time.
        cpu: CPU seconds, children's included.
    """

    rate: float
    per_cpu: float
    cpu: float


def compare(name: str, unit: str, checkers: Mapping[str, Callable[[], int]]) -> Iterator[Result]:
    """Medians of three turns of each; the first is ours, the others are named ``key: peer``.

    Args:
        name: Of the benchmark.
        unit: What is counted.
        checkers: Each does its checks and says how many.
    """
    turns: dict[str, list[Checked]] = {checker: [] for checker in checkers}
    for _ in range(TURNS):
        for checker, check in checkers.items():
            turns[checker].append(_timed(check))
    ours, *peers = (_median(checker, each) for checker, each in turns.items())
    for peer, theirs in peers:
        for suffix, per, own, other in (
            ("", "s", ours[1].rate, theirs.rate),
            ("_cpu", "CPU second", ours[1].per_cpu, theirs.per_cpu),
        ):
            key, _, who = peer.partition(": ")
            yield Result(
                f"{name}{suffix}_{key}",
                f"{unit}/{per}",
                round(own),
                who,
                round(other, 1 if other < 100 else None),
                round(own / other, 2),
                round(ours[1].cpu, 2),
                round(theirs.cpu, 2),
                rss_mb(),
            )


def _timed(work: Callable[[], int]) -> Checked:
    began, cpu = time.perf_counter(), _cpu_seconds()
    checks = work()
    used = _cpu_seconds() - cpu
    return Checked(checks / (time.perf_counter() - began), checks / used, used)


def _median(checker: str, turns: list[Checked]) -> tuple[str, Checked]:
    return checker, sorted(turns, key=lambda turn: turn.rate)[len(turns) // 2]


def _cpu_seconds() -> float:
    both = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(sum(resource.getrusage(who)[:2]) for who in both)
