"""Networks whose servers come and go by themselves: dynamic pools, mostly.

Their new and their fixed are addresses changing hands.  They are flagged, not left out: whoever
shows figures says beside them which of them rest on such networks.
"""

import pyarrow as pa

from survey.analysis.database import Connection
from survey.analysis.queries import query

LEAST = 10
"""Episodes that a network must have before anything is said about it."""

DAYS = 14
"""Only episodes that began so long ago count: of later ones nobody can know."""

SHARE = 0.5
"""Share of short episodes from which on a network is dominated by churn."""


def churn(connection: Connection) -> pa.Table:
    """One row per network, most episodes first; reads the view ``scope_episodes``."""
    return connection.sql(
        query("churn"), params={"least": LEAST, "days": DAYS, "share": SHARE}
    ).to_arrow_table()
