"""Every benchmark still runs, at tiny sizes, and says what it must; figures mean nothing here."""

import json
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from survey.storage.schemas import ARRIVALS, OBSERVATIONS
from tests.benchmarks.__main__ import NAMES
from tests.benchmarks.exposure import ARRIVED, OBSERVED, check_columns
from tests.benchmarks.page import BEGIN, END, PAGE, Measured, read, rendered
from tests.benchmarks.result import Result

ROOT = Path(__file__).parents[2]
QUICK = ("connect", "permutation")
KEYS = {
    *("name", "unit", "ours", "peer", "peer_value", "ratio"),
    *("ours_cpu_s", "peer_cpu_s", "rss_mb"),
}
RESULT = Result("made", "s", 1.5, "a peer", 3.0, 2.0, 0.5, 0.25, 100.4)


def runs(name: str) -> None:
    """Run it and look at its lines."""
    command = [sys.executable, "-m", "tests.benchmarks", "--small", name]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert lines or "skipped" in done.stderr or "no peer" in done.stderr, done.stderr
    for line in lines:
        assert set(line) == KEYS
        figures = [line[key] for key in ("ours", "peer_value", "ratio", "rss_mb")]
        assert all(figure >= 0 and math.isfinite(figure) for figure in figures)


@pytest.mark.parametrize("name", QUICK)
def test_quick_benchmark_runs(name: str) -> None:
    """What a scan runs, the benchmark runs; so it breaks when that changes its ways."""
    runs(name)


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", sorted(set(NAMES) - set(QUICK)))
def test_benchmark_runs(name: str) -> None:
    """The same for those that take longer."""
    runs(name)


def test_an_unknown_benchmark_is_told_with_the_known_ones() -> None:
    """``make bench ONLY=sin`` says what there is."""
    command = [sys.executable, "-m", "tests.benchmarks", "sin"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "'sin'" in done.stderr
    assert all(name in done.stderr for name in NAMES)


def test_made_tables_have_the_columns_of_today() -> None:
    """A new column must be made here, too: a benchmark of yesterday's tables measures nothing."""
    check_columns(OBSERVATIONS, OBSERVED)
    check_columns(ARRIVALS, ARRIVED)
    with pytest.raises(AssertionError, match="nonce"):
        check_columns(ARRIVALS, {name: sql for name, sql in ARRIVED.items() if name != "nonce"})


def test_page_shows_what_was_measured_last() -> None:
    """docs/performance.md is written by ``python -m tests.benchmarks --docs``, never by hand."""
    page = PAGE.read_text(encoding="utf-8")
    assert rendered(page, read()) == page


def test_page_says_when_others_used_the_machine() -> None:
    """A figure under load is labelled."""
    quiet = Measured("made", "2026-11-24", "2 cores", 0.02, urgent=False, result=RESULT)
    loaded = replace(quiet, others=0.4)
    table = rendered(f"{BEGIN}{END}", [quiet, loaded, replace(loaded, urgent=True)])
    assert table.count("| made | s | 1.5 | a peer | 3 | 2 | 0.5 | 0.25 | 100 | 2026-11-24 |") == 1
    assert table.count("2026-11-24, others used 40% of the machine |") == 1
    assert table.count("others used 40% of the machine, and had to wait for it |") == 1
