"""What a public listing names: the addresses that a campaign may ask for by the listing's name."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from survey.errors import ConfigError
from survey.storage.layout import Layout
from survey.storage.registries import SnapshotKind, in_force_by_source
from survey.targets.ranges import RangeSet


@dataclass(frozen=True, slots=True)
class KnownListing:
    """A public database of which a copy is in force.

    Attributes:
        name: Its name.
        ranges: Entries that name addresses.
        names: Entries that name hosts.
        snapshot: Id of the copy.
    """

    name: str
    ranges: int
    names: int
    snapshot: str


def known_listings(layout: Layout, day: date | None = None) -> tuple[KnownListing, ...]:
    """Every public database of which a copy is in force on a day (today, UTC), by name."""
    found: list[KnownListing] = []
    for snapshot in in_force_by_source(
        layout, SnapshotKind.LISTING, day or datetime.now(UTC).date()
    ):
        ranges = _counted(snapshot.table)
        names = _counted(snapshot.names) if snapshot.names.is_file() else {}
        found += (
            KnownListing(name, ranges.get(name, 0), names.get(name, 0), snapshot.id)
            for name in ranges.keys() | names.keys()
        )
    return tuple(sorted(found, key=lambda one: (one.name, one.snapshot)))


def _counted(path: Path) -> dict[str, int]:
    counts = pq.read_table(path, columns=["listing"])["listing"].value_counts()
    return {one["values"].as_py(): one["counts"].as_py() for one in counts}


def _check_not_of_names(layout: Layout, day: date, listing: str) -> None:
    for known in known_listings(layout, day):
        if known.name == listing and known.names:
            raise ConfigError(
                known.snapshot,
                listing,
                "names hosts and no address, and targets are addresses",
                "choose a listing of addresses (see `survey listings list`)",
            )


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
        _check_not_of_names(layout, as_of, min(missing))
        raise ConfigError(
            layout.registries / SnapshotKind.LISTING,
            min(missing),
            "no snapshot holds this listing",
            "correct the name, or import it with `survey listings import`",
        )
    return found, tuple(snapshots)
