"""How long exposures last: which share is still open after so many days, and closed by then.

The estimate of Kaplan and Meier, in SQL: episodes that are open, lost or waiting for their second
negative check are followed until their last proof and no longer.  Nobody saw a server close, so
each figure comes as two: dated at the first negative check, and at the last proof before it.
"""

from dataclasses import dataclass

import pyarrow as pa

from survey.analysis.database import Connection, hold
from survey.analysis.queries import query
from survey.model.episode import Part
from survey.storage.schemas import UTC

STARTS = pa.schema(
    [
        ("campaign", pa.string()),
        ("ip", pa.uint32()),
        ("port", pa.uint16()),
        ("kind", pa.string()),
        ("started_at", UTC),
        ("label", pa.string()),
    ]
)
"""When a clock starts for a target, such as a letter's time, and by which label it is counted."""


@dataclass(frozen=True, slots=True)
class Closure:
    """What is known of the times to closure.

    Attributes:
        curve: One row per part and day on which something closed: ``part, days, at_risk, closed,
            still_open, low, high, still_open_earliest``.
        shares: One row per part: ``episodes, fixed, median_days, median_days_least`` and, for 7,
            14, 30 and 90 days, ``closed_N`` with ``_low, _high, _most``.
    """

    curve: pa.Table
    shares: pa.Table


def closure(connection: Connection, part: Part, starts: pa.Table | None = None) -> Closure:
    """Times to closure from the first proof on, or from other moments; reads ``scope_episodes``.

    Args:
        connection: Where the view is.
        part: What is counted by; with ``starts``, all is counted by their labels.
        starts: Schema STARTS.  Only episodes that were open at such a moment count, from it on.
    """
    what = str(part) if starts is None else "label"
    connection.execute("DROP TABLE IF EXISTS starts")
    hold(
        connection,
        "starts",
        STARTS.empty_table() if starts is None else starts.select(STARTS.names).cast(STARTS),
    )
    for name in ("parts", "bands"):
        connection.execute(query(name))
    connection.execute(query("durations"), {"what": what, "timed": starts is not None})
    connection.execute(query("closure"))
    return Closure(
        connection.sql(query("closure_rows")).to_arrow_table(),
        connection.sql(query("closed_shares"), params={"what": what}).to_arrow_table(),
    )
