"""What a public listing names: the addresses that a campaign may ask for by the listing's name."""

from collections.abc import Iterable
from datetime import UTC, date, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from survey.errors import ConfigError
from survey.storage.layout import Layout
from survey.storage.registries import SnapshotKind, in_force_by_source
from survey.targets.ranges import RangeSet


def ranges_listed(
    layout: Layout, listings: Iterable[str], day: date | None = None
) -> tuple[RangeSet, tuple[str, ...]]:
    """All addresses that some listings name, and the ids of the snapshots that say so.

    Args:
        layout: Where the snapshots are.
        listings: Names of public databases.
        day: As of which day; today (UTC) if not given.

    Raises:
        ConfigError: No snapshot in force holds one of them.
    """
    as_of = day or datetime.now(UTC).date()
    missing = set(listings)
    wanted = pa.array(sorted(missing), pa.string())
    found, snapshots = RangeSet.of(()), []
    for snapshot in in_force_by_source(layout, SnapshotKind.LISTING, as_of):
        table = pq.read_table(snapshot.table)
        chosen = table.filter(pc.is_in(table["listing"], wanted))
        if chosen.num_rows:
            starts, ends = (
                chosen[name].to_numpy().astype(np.int64) for name in ("range_start", "range_end")
            )
            found |= RangeSet(starts, ends)
            snapshots.append(snapshot.id)
            missing -= set(pc.unique(chosen["listing"]).to_pylist())
    if missing:
        raise ConfigError(
            layout.registries / SnapshotKind.LISTING,
            min(missing),
            "no snapshot holds this listing",
            "correct the name, or import it with `survey listings import`",
        )
    return found, tuple(snapshots)
