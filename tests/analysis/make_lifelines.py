"""Make ``lifelines.json``: samples, and what lifelines says of them.

lifelines wants an older pandas than the notebooks, so it has an environment of its own and the
tests read its figures: ``pip install lifelines==0.30.3``, then run this.
"""

import json
from pathlib import Path
from typing import Any

import lifelines
import numpy as np


def sample(seed: int, size: int, *, censored: bool) -> dict[str, Any]:
    """Days to closure, some of them cut off, in halves so that there are ties."""
    rng = np.random.default_rng(seed)
    closing = np.ceil(rng.exponential(20, size) * 2) / 2
    leaving = np.ceil(rng.exponential(40, size) * 2) / 2
    days = np.minimum(closing, leaving)
    closed = closing <= leaving if censored else np.full(size, fill_value=True)
    fitted = lifelines.KaplanMeierFitter(alpha=0.05).fit(days, closed)
    band = fitted.confidence_interval_survival_function_
    steps = fitted.event_table[fitted.event_table["observed"] > 0]
    return {
        "days": days.tolist(),
        "closed": closed.tolist(),
        "median": float(fitted.median_survival_time_),
        "at": {str(day): float(fitted.predict(day)) for day in (7, 14, 30, 90) if day <= max(days)},
        "curve": [
            [
                float(day),
                int(step["at_risk"]),
                int(step["observed"]),
                float(fitted.survival_function_.loc[day].iloc[0]),
                *map(float, band.loc[day]),
            ]
            for day, step in steps.iterrows()
        ],
    }


if __name__ == "__main__":
    samples = [
        sample(1, 40, censored=True),
        sample(2, 200, censored=True),
        sample(3, 15, censored=False),
    ]
    content = {"lifelines": lifelines.__version__, "samples": samples}
    Path(__file__).with_name("lifelines.json").write_text(json.dumps(content) + "\n")
