"""From who was told and who was held out to the figures of a report: did the letters help?"""

from collections.abc import Iterable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from survey.analysis.jurisdiction import View
from survey.reports.figures import CLOSED_WITHIN, Arm, Effect, Trial

Rows = list[dict[str, Any]]


def experiment(seen: View, letters: pa.Table, agency: str) -> Effect | None:
    """What the lots of an agency's cases tell; None if none was drawn.

    Args:
        seen: The agency's view.
        letters: Of the whole campaign, schema TOLD.
        agency: Agency id: only its own cases count.
    """
    mine = letters.filter(
        pc.and_(pc.equal(letters["agency"], agency), pc.not_equal(letters["experiment"], ""))
    )
    if not mine.num_rows:
        return None
    found = seen.effect(mine)
    arms, differences = found.arms.to_pylist(), found.differences.to_pylist()
    compared = dict.fromkeys(row["compared"] for row in arms)
    trials = (_trial(name, _of(name, arms), _of(name, differences)) for name in compared)
    there = tuple(one for one in trials if one is not None)
    waits = [row["until"] - row["drawn_at"] for row in mine.to_pylist() if row["until"] is not None]
    return Effect(max((one.days for one in waits), default=0), there) if there else None


def _of(compared: str, rows: Iterable[dict[str, Any]]) -> Rows:
    return [row for row in rows if row["compared"] == compared]


def _trial(compared: str, arms: Rows, differences: Rows) -> Trial | None:
    """One comparison; None if of one of its sides nothing can be compared."""
    if not differences:
        return None
    against = differences[0]["against"]
    sides = [one for one in arms if one["arm"] != against]
    usual = [one for one in arms if one["arm"] == against]
    return Trial(
        compared,
        tuple(_arm(one, differences, is_usual=one in usual) for one in (*sides, *usual)),
        differences[0]["log_rank_apart"],
    )


def _arm(row: dict[str, Any], differences: Rows, *, is_usual: bool) -> Arm:
    name = row["arm"]
    prefix = "against_closed" if is_usual else "closed"
    mine = {
        one["days"]: one for one in differences if one["against" if is_usual else "arm"] == name
    }
    return Arm(
        name=name,
        drawn=row["drawn"],
        delivered=row["delivered"],
        bounced=row["bounced"],
        cases=row["cases"],
        shares=tuple(mine[days][prefix] if mine else None for days in CLOSED_WITHIN),
        gains=() if is_usual else tuple(_gain(mine.get(days)) for days in CLOSED_WITHIN),
    )


def _gain(row: dict[str, Any] | None) -> tuple[float, float, float] | None:
    if row is None or row["difference"] is None:
        return None
    return row["difference"], row["difference_low"], row["difference_high"]
