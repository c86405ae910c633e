"""docs/performance.md: its table is what was measured last, line by line.

The lines lie beside this file as they were printed, with their day and the load of the machine, so
that one benchmark can be measured again without the others.
"""

import json
import os
import platform
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from tests.benchmarks.result import Result

LINES = Path(__file__).with_name("measured.jsonl")
PAGE = Path(__file__).parents[2] / "docs" / "performance.md"
BEGIN, END = "<!-- measured -->\n", "<!-- end of measured -->"
QUIET = 0.05
"""Share of the machine that others may use unsaid."""

HEADER = (
    *("what", "unit", "ours", "peer", "its figure", "times better"),
    *("our CPU s", "its CPU s", "MB", "measured"),
)


@dataclass(frozen=True, slots=True)
class Measured:
    """A line and the circumstances of its measurement.

    Attributes:
        benchmark: Which one printed it.
        day: When, UTC, as 2026-11-24.
        machine: What on: cores, kernel, Python; no name.
        others: Share of the machine that others used meanwhile, 0 to 1.
        urgent: All was measured at real-time priority: others had what was left.
        result: The line.
    """

    benchmark: str
    day: str
    machine: str
    others: float
    urgent: bool
    result: Result


def keep(benchmark: str, results: Iterable[Result], others: float) -> None:
    """Put a benchmark's lines in the place of its last ones, and write the page anew."""
    day, share = f"{datetime.now(UTC):%Y-%m-%d}", round(others, 2)
    urgent = os.sched_getscheduler(0) in (os.SCHED_FIFO, os.SCHED_RR)
    fresh = [Measured(benchmark, day, machine(), share, urgent, result) for result in results]
    lines = [*(line for line in read() if line.benchmark != benchmark), *fresh]
    lines.sort(key=lambda line: line.benchmark)
    text = "".join(json.dumps(asdict(line)) + "\n" for line in lines)
    LINES.write_text(text, encoding="utf-8")
    PAGE.write_text(rendered(PAGE.read_text(encoding="utf-8"), lines), encoding="utf-8")


def read() -> list[Measured]:
    """What was measured last."""
    if not LINES.exists():
        return []
    lines = map(json.loads, LINES.read_text(encoding="utf-8").splitlines())
    return [Measured(**line | {"result": Result(**line["result"])}) for line in lines]


def rendered(page: str, lines: Sequence[Measured]) -> str:
    """The page with a table of these lines between its marks."""
    between = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)
    assert between.search(page), f"{PAGE} has no place for the table"
    machines = sorted({f"{line.machine}" for line in lines})
    rows = [HEADER, ["---"] * len(HEADER), *map(_row, lines)]
    table = "".join(f"| {' | '.join(row)} |\n" for row in rows)
    text = f"{BEGIN}\nMachine: {'; '.join(machines)}.\n\n{table}{END}"
    return between.sub(lambda _: text, page)


def machine() -> str:
    """What kind of machine this is."""
    kernel = platform.release().split("-")[0]
    cores = len(os.sched_getaffinity(0))
    return f"{cores} cores, Linux {kernel}, Python {platform.python_version()}"


def _row(line: Measured) -> list[str]:
    result = line.result
    others = "" if line.others <= QUIET else f", others used {line.others:.0%} of the machine"
    if others and line.urgent:
        others += ", and had to wait for it"
    return [
        *(result.name, result.unit, _figure(result.ours), result.peer),
        *(_figure(result.peer_value), f"{result.ratio:g}"),
        *(f"{result.ours_cpu_s:g}", f"{result.peer_cpu_s:g}", f"{result.rss_mb:.0f}"),
        f"{line.day}{others}",
    ]


def _figure(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:g}"
