"""From the checks of all runs of a campaign to its episodes (docs/lifecycle.md).

The rules are in ``sql/episodes.sql``; the same checks give the same rows, and a later check never
changes what was said of an earlier moment.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from survey.analysis.database import Connection, connect, hold, range_table, show_files
from survey.analysis.findings import probe_bits
from survey.analysis.queries import query
from survey.model.episode import LOST_DAYS, LOST_RUNS, MOVE_DAYS, REGRESSION_DAYS, State
from survey.storage.files import replacing
from survey.storage.layout import Layout
from survey.storage.schemas import CHECKS, EPISODES, FINDINGS, UTC
from survey.targets.ranges import RangeSet

OPTOUTS = b"survey.optouts"
"""Footer: entries of the opt-out log whose addresses were left out."""


@dataclass(frozen=True, slots=True)
class JudgedRun:
    """A run whose checks count.

    Attributes:
        run: Run id.
        ended_at: When its last shard was done, UTC; None while it is not done.
        checks: File of schema CHECKS.
        findings: File of schema FINDINGS.
    """

    run: str
    ended_at: datetime | None
    checks: Path
    findings: Path


@dataclass(frozen=True, slots=True)
class Lives:
    """How many episodes were written.

    Attributes:
        states: Episodes by state.
        as_of: The last moment whose checks count, UTC; None if nothing was ever open.
    """

    states: dict[State, int]
    as_of: datetime | None


def write_episodes(
    layout: Layout,
    campaign: str,
    runs: Sequence[JudgedRun],
    optouts: RangeSet,
    optouts_version: int,
) -> Lives:
    """Make the episodes of a campaign anew and replace its ``episodes.parquet``, whole.

    Args:
        layout: Where everything is.
        campaign: Campaign id.
        runs: Its judged runs, oldest first.
        optouts: Addresses that appear in no output.
        optouts_version: Entries of the opt-out log that they are from.
    """
    with connect(layout) as connection:
        as_of = _prepare(connection, runs, optouts)
        connection.execute(
            query("episodes"),
            {
                "lost_runs": LOST_RUNS,
                "lost_days": LOST_DAYS,
                "regression_days": REGRESSION_DAYS,
            },
        )
        connection.execute(query("lives"))
        connection.execute(query("moves"), {"move_days": MOVE_DAYS})
        rows = connection.sql(
            query("episode_rows"),
            params={
                "campaign": campaign,
                "last_run": runs[-1].run if runs else "",
                "as_of": as_of,
            },
        ).to_arrow_table()
    table = rows.select(EPISODES.names).cast(EPISODES)
    footer = {**(EPISODES.metadata or {}), OPTOUTS: str(optouts_version).encode()}
    with replacing(layout.episodes(campaign)) as part:
        pq.write_table(table.replace_schema_metadata(footer), part, compression="zstd")
    states = Counter(table["state"].to_pylist())
    return Lives({state: states[state] for state in State}, as_of)


def _prepare(
    connection: Connection, runs: Sequence[JudgedRun], optouts: RangeSet
) -> datetime | None:
    """Show the tables without those who have opted out; the last moment that counts."""
    for name in ("macros", "printable", "visible"):
        connection.execute(query(name))
    hold(connection, "optout_ranges", range_table(optouts))
    hold(connection, "late_ranges", range_table(RangeSet.of(())))
    connection.execute(query("optout_blocks"))
    hold(connection, "probe_bits", probe_bits())
    hold(connection, "runs", _runs_table(runs))
    show_files(connection, "every_check", CHECKS, [one.checks for one in runs])
    show_files(connection, "findings", FINDINGS, [one.findings for one in runs])
    source = "visible('every_check', 'optout_ranges', 'optout_blocks')"
    connection.execute(f"CREATE VIEW checks AS FROM {source if optouts.size else 'every_check'}")
    as_of: datetime | None
    (as_of,) = connection.execute(
        'SELECT greatest((SELECT max(ended_at) FROM runs), (SELECT max("at") FROM checks))'
    ).fetchall()[0]
    return as_of


def _runs_table(runs: Sequence[JudgedRun]) -> pa.Table:
    return pa.table(
        {
            "run": pa.array([one.run for one in runs], pa.string()),
            "number": pa.array(range(1, len(runs) + 1), pa.int64()),
            "ended_at": pa.array([one.ended_at for one in runs], UTC),
        }
    )
