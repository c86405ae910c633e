"""The estimate of what letters do, against histories in which what they do is known."""

import os
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta
from math import ceil, floor, inf
from pathlib import Path
from statistics import mean

import pyarrow.parquet as pq
import pytest
from proofs import record

import survey
from survey.flows.history import HistoryFiles, make_history
from survey.flows.lifecycle import trace
from survey.lab.history.scale import START, Scale

WORKING = Scale(
    seed="d6",
    weeks=11,
    servers=600,
    crowd=20,
    ranges=120,
    networks=30,
    missed=(),
    torn=(),
    narrow=(),
    letters_from=1,
    letters=50,
    held_out=0.4,
    reacting=0.5,
    natural_days=120.0,
    opting_out=0.01,
)
"""Letters that work."""

IDLE = replace(WORKING, reacting=0.0, paper=0.0)
"""Letters that nobody reacts to."""

OPERATORS = replace(WORKING, per_case=6, networks=40, servers=1200, held_out=0.5)
"""Letters to operators with several servers each, who close all of them or none."""

Life = tuple[float, bool]
"""Days to the closure that can be seen, or to the last day on which something was open."""


def effect(made: HistoryFiles) -> dict[tuple[str, str, int], dict]:
    """What the survey estimates: by what is compared, arm, and days."""
    trace(made.settings, "history")
    with survey.open(made.settings.data) as opened:
        rows = opened.effect().to_arrow_table().to_pylist()
    return {(row["compared"], row["arm"], row["days"]): row for row in rows}


def truth(made: HistoryFiles, scale: Scale) -> dict[str, dict[int, float]]:
    """Shares closed of all cases, had all been told at once, or had all waited; by medium, too."""
    cases = defaultdict(list)
    for row in pq.read_table(made.truth / "letters.parquet").to_pylist():
        cases[row["case"]].append(row)
    end = START + timedelta(days=7 * scale.weeks)
    wait = float(scale.waits or inf)

    def closed(arrives: float, to: Callable[[dict], bool]) -> dict[int, float]:
        lives = [_life(rows, arrives, to, end) for rows in cases.values()]
        return {days: _closed_by(days, lives) for days in (7, 14, 30)}

    def as_drawn(row: dict) -> bool:
        return bool(row[f"reacts_to_{row['medium']}"])

    return {
        "told": closed(0.0, as_drawn),
        "held_out": closed(wait, as_drawn),
        "pdf": closed(0.0, lambda row: bool(row["reacts_to_pdf"])),
        "text": closed(0.0, lambda row: bool(row["reacts_to_text"])),
    }


def _life(rows: list[dict], arrives: float, to: Callable[[dict], bool], end: object) -> Life:
    """A case's life, had its letter come so many days after the lot."""
    lives = []
    for row in rows:
        alone, left = inf, (end - row["started_at"]) / timedelta(days=1)
        if row["closes_alone_at"] is not None:
            alone = (row["closes_alone_at"] - row["started_at"]) / timedelta(days=1)
        reacts = to(row) and not row["bounces"]
        told = arrives + row["reacts_after"] if reacts else inf
        at, seen = (told, True) if told < alone else (alone, row["seen_alone"])
        lives.append((min(at, left), seen and at <= left))
    return max(days for days, _ in lives), all(seen for _, seen in lives)


def _closed_by(days: int, lives: Iterable[Life]) -> float:
    """Kaplan and Meier's estimate, with everything known; a day is over when its test is made."""
    still = 1.0
    whole = [(ceil(at - 0.1) if closed else floor(at), closed) for at, closed in lives]
    for moment in sorted({at for at, closed in whole if closed and at <= days}):
        at_risk = sum(at >= moment for at, _ in whole)
        still *= 1 - sum(closed and at == moment for at, closed in whole) / at_risk
    return 1 - still


def test_letters_that_work_are_estimated_as_what_they_do(tmp_path: Path) -> None:
    """A large effect while the others wait, a small one after; each within its interval."""
    made = make_history(tmp_path / "h", WORKING)
    found, true = effect(made), truth(made, WORKING)
    for days in (7, 14, 30):
        row = found["letter", "told", days]
        known = true["told"][days] - true["held_out"][days]
        assert row["difference_low"] <= known <= row["difference_high"], (days, known, row)
        assert row["closed_low"] <= true["told"][days] <= row["closed_high"]
        assert row["against_low"] <= true["held_out"][days] <= row["against_high"]
    assert found["letter", "told", 14]["difference_low"] > 0.2
    assert found["letter", "told", 14]["log_rank_apart"] < 1e-6
    pdf = found["medium", "pdf", 30]
    known = true["pdf"][30] - true["text"][30]
    assert pdf["difference_low"] <= known <= pdf["difference_high"]


SEEDS = int(os.environ.get("SURVEY_EFFECT_SEEDS", "6"))
"""Histories of each kind."""

KINDS = {
    "letters that work": WORKING,
    "letters that do nothing": IDLE,
    "letters that work, up to six servers a case": OPERATORS,
}
SIDES = ("cases", "cases_against")
HEADER = (
    *("history", "cases told", "cases held out", "days", "true difference", "estimated"),
    *("width of the interval", "intervals that hold the truth", "log-rank below 0.05"),
)


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_intervals_hold_what_is_true_as_often_as_they_say(tmp_path: Path) -> None:
    """With an effect, without, and where operators of several servers close all of them or none."""
    table, hits, tried = [], 0, 0
    for name, scale in KINDS.items():
        tries = defaultdict(list)
        for seed in range(SEEDS):
            one = replace(scale, seed=f"{name} {seed}")
            folder = tmp_path / "h"
            made = make_history(folder, one)
            found, true = effect(made), truth(made, one)
            shutil.rmtree(folder)
            for days in (7, 14, 30):
                known = true["told"][days] - true["held_out"][days]
                tries[days].append((found["letter", "told", days], known))
        for days, some in tries.items():
            held = sum(row["difference_low"] <= known <= row["difference_high"]
                       for row, known in some)  # fmt: skip
            widths = [row["difference_high"] - row["difference_low"] for row, _ in some]
            small = sum(row["log_rank_apart"] < 0.05 for row, _ in some)
            cells = (
                *(f"{mean(row[side] for row, _ in some):.0f}" for side in SIDES),
                *(str(days), f"{mean(known for _, known in some):+.3f}"),
                *(f"{mean(row['difference'] for row, _ in some):+.3f}", f"{mean(widths):.2f}"),
                *(f"{held} of {len(some)}", f"{small} of {len(some)}"),
            )
            table.append((name, *cells))
            hits, tried = hits + held, tried + len(some)
    record("letters", HEADER, table)
    assert hits >= 0.9 * tried
