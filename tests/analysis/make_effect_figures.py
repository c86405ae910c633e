"""Make ``effect_figures.json``: samples of cases, and what lifelines and statsmodels say of them.

Both want an environment of their own: ``pip install lifelines==0.30.3 statsmodels==0.15.0``, then
run this.  Curves and bands are lifelines', the log-rank test is lifelines' where there is one
experiment and statsmodels' where there are several; the interval of a difference is put together
from the bands by the formula of Zou and Donner, written down here a second time.
"""

import json
from math import sqrt
from pathlib import Path
from typing import Any

import lifelines
import numpy as np
import pandas as pd
import statsmodels
from lifelines.statistics import logrank_test
from statsmodels.duration.survfunc import survdiff

DAYS = (7, 14, 30, 90)
APART = 14


def sample(seed: int, sizes: tuple[int, ...], told_days: float, held_days: float) -> dict[str, Any]:
    """Cases of one experiment or several, each with its own share of who waits."""
    rng = np.random.default_rng(seed)
    rows = []
    for number, size in enumerate(sizes):
        share = (0.3, 0.5)[number % 2]
        for _ in range(size):
            held = bool(rng.random() < share)
            mean = (held_days if held else told_days) * (1 + number)
            closing = float(np.floor(rng.exponential(mean)))
            leaving = float(np.floor(rng.uniform(25, 120)))
            rows.append(
                {
                    "experiment": f"E{number}",
                    "held": held,
                    "days": min(closing, leaving),
                    "closed": closing <= leaving,
                }
            )
    frame = pd.DataFrame(rows)
    return {
        "cases": rows,
        "log_rank": _log_rank(frame),
        "log_rank_apart": _log_rank(
            frame.assign(
                closed=frame["closed"] & (frame["days"] <= APART),
                days=frame["days"].clip(upper=APART),
            )
        ),
        "at": {str(day): found for day in DAYS if (found := _at(frame, day)) is not None},
    }


def _log_rank(frame: pd.DataFrame) -> float:
    if len(set(frame["experiment"])) > 1:
        return float(
            survdiff(frame["days"], frame["closed"], frame["held"], strata=frame["experiment"])[1]
        )
    told, held = frame[~frame["held"]], frame[frame["held"]]
    return float(logrank_test(told["days"], held["days"], told["closed"], held["closed"]).p_value)


def _at(frame: pd.DataFrame, day: int) -> list[float] | None:
    """Share of those told, of those held out, and the difference with its interval."""
    parts = []
    for _, part in frame.groupby("experiment"):
        sides = [_share(part[part["held"] == held], day) for held in (False, True)]
        if None not in sides:
            parts.append((len(part), *sides))
    total = sum(size for size, *_ in parts)
    if not total:
        return None
    told = held = down = up = 0.0
    for size, (a, a_low, a_high), (b, b_low, b_high) in parts:
        weight = size / total
        told += weight * a
        held += weight * b
        down += weight**2 * ((a - a_low) ** 2 + (b_high - b) ** 2)
        up += weight**2 * ((a_high - a) ** 2 + (b - b_low) ** 2)
    gain = told - held
    return [told, held, gain, gain - sqrt(down), gain + sqrt(up)]


def _share(part: pd.DataFrame, day: int) -> tuple[float, float, float] | None:
    everybody = bool(part["closed"].all())
    if part["days"].max() < day and not everybody:
        return None
    fitted = lifelines.KaplanMeierFitter(alpha=0.05).fit(part["days"], part["closed"])
    still = float(fitted.predict(day))
    if still <= 0:  # there lifelines' band has no width
        return (1.0, 0.025 ** (1 / len(part)), 1.0) if everybody else None
    if still >= 1:
        followed = int((part["days"] >= day).sum())
        return 0.0, 0.0, 1 - 0.025 ** (1 / followed)
    band = fitted.confidence_interval_survival_function_
    low, high = band[band.index <= day].iloc[-1]
    return 1 - still, 1 - float(high), 1 - float(low)


if __name__ == "__main__":
    content = {
        "lifelines": lifelines.__version__,
        "statsmodels": statsmodels.__version__,
        "samples": [
            sample(1, (120,), 15, 60),
            sample(2, (40,), 40, 40),
            sample(3, (90, 150), 12, 45),
            sample(4, (30, 25, 60), 20, 30),
            sample(5, (16,), 5, 400),
        ],
    }
    Path(__file__).with_name("effect_figures.json").write_text(json.dumps(content) + "\n")
