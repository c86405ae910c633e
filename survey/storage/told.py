"""Who was told of an exposure and when, and who was drawn by lot to wait: one table per campaign.

It lies at ``campaigns/<campaign>/told.parquet``; the times to closure of both are compared in the
agencies' reports.
"""

from survey.storage.schemas import TOLD

__all__ = ["HELD_OUT_LABEL", "NAME", "TOLD", "TOLD_LABEL"]

NAME = "told.parquet"

TOLD_LABEL = "told"
HELD_OUT_LABEL = "held_out"
