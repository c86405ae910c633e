"""Who was told of an exposure and when, and who was drawn by lot to wait: one table per campaign.

It lies at ``campaigns/<campaign>/told.parquet``; the times to closure of both are compared in the
agencies' reports.
"""

import pyarrow as pa

from survey.storage.schemas import UTC

NAME = "told.parquet"

TOLD_LABEL = "told"
HELD_OUT_LABEL = "held_out"

TOLD = pa.schema(
    [
        ("campaign", pa.string()),
        ("ip", pa.uint32()),
        ("port", pa.uint16()),
        ("kind", pa.string()),
        ("started_at", UTC),
        ("label", pa.string()),
    ]
)
"""One row per letter, or letter held back; ``label`` is one of the two above."""
