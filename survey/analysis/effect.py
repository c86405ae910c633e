"""Did the letter help?  Cases that were told beside those that chance made wait.

What is counted, and why so, is in docs/experiments.md.
"""

from dataclasses import dataclass
from math import erfc, sqrt

import pyarrow as pa

from survey.analysis.database import Connection, hold
from survey.analysis.queries import query
from survey.storage.schemas import TOLD

_PAIR = ("compared", "arm", "against")


@dataclass(frozen=True, slots=True)
class Effect:
    """What chance can say about letters, counted by cases.

    Attributes:
        arms: One row per (compared, arm): ``drawn, sent, delivered, bounced``, and of those that
            can be compared ``cases, exposures, closed``.
        differences: One row per (compared, arm, against, days): ``closed`` and ``against_closed``
            (shares) with ``_low, _high, _most``, their ``difference`` with its 95 % interval, and p
            values of the log-rank test: ``log_rank`` over all days, ``log_rank_apart`` while one
            side has had its letter and the other none.
    """

    arms: pa.Table
    differences: pa.Table


def effect(connection: Connection, letters: pa.Table) -> Effect:
    """Compare those told with those held out, and arms with one another.

    Args:
        connection: Where the view ``scope_episodes`` is.
        letters: Schema TOLD; only rows of an experiment count.
    """
    connection.execute("DROP TABLE IF EXISTS letters")
    hold(connection, "letters", letters.select(TOLD.names).cast(TOLD))
    for name in ("bands", "effect_cases", "effect_sides", "closure"):
        connection.execute(query(name))
    tests = connection.sql(query("log_rank")).to_arrow_table().to_pylist()
    by_pair = {tuple(row[name] for name in _PAIR): row for row in tests}
    differences = connection.sql(query("effect_shares")).to_arrow_table()
    pairs = list(zip(*(differences[name].to_pylist() for name in _PAIR), strict=True))
    for name, prefix in (("log_rank_apart", "waiting_"), ("log_rank", "")):
        chances = [
            _chance(by_pair[pair][f"{prefix}score"], by_pair[pair][f"{prefix}variance"])
            if pair in by_pair
            else None
            for pair in pairs
        ]
        differences = differences.append_column(name, pa.array(chances, pa.float64()))
    return Effect(connection.sql(query("effect_arms")).to_arrow_table(), differences)


def _chance(score: float | None, variance: float | None) -> float | None:
    """How often chance alone makes two equal sides differ so much: the two-sided p value."""
    if score is None or not variance:
        return None
    return erfc(abs(score) / sqrt(2 * variance))
