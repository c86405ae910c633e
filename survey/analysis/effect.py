"""Did the letter help?  Cases that were told beside those that chance made wait.

What is counted, and why so, is in docs/experiments.md.
"""

from dataclasses import dataclass
from math import erfc, sqrt

import pyarrow as pa

from survey.analysis.database import Connection, hold
from survey.analysis.queries import query
from survey.storage.schemas import TOLD


@dataclass(frozen=True, slots=True)
class Effect:
    """What chance can say about letters, counted by cases.

    Attributes:
        arms: One row per (compared, arm): ``drawn, sent, delivered, bounced``, and of those that
            can be compared ``cases, exposures, closed``.
        differences: One row per (compared, arm, against, days): ``closed`` and ``against_closed``
            (shares) with ``_low, _high, _most``, their ``difference`` with its 95 % interval, and
            ``log_rank``, the p value of the test over all days.
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
    tests = connection.execute(query("log_rank")).fetchall()
    p_values = {tuple(key): _chance(score, variance) for *key, score, variance in tests}
    differences = connection.sql(query("effect_shares")).to_arrow_table()
    names = ("compared", "arm", "against")
    keys = zip(*(differences[name].to_pylist() for name in names), strict=True)
    return Effect(
        connection.sql(query("effect_arms")).to_arrow_table(),
        differences.append_column(
            "log_rank", pa.array([p_values.get(key) for key in keys], pa.float64())
        ),
    )


def _chance(score: float, variance: float | None) -> float | None:
    """How often chance alone makes two equal sides differ so much: the two-sided p value."""
    if not variance:
        return None
    return erfc(abs(score) / sqrt(2 * variance))
