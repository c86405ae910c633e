"""How many tested addresses each country and network holds, and which belong to a jurisdiction."""

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from survey.model.agency import Jurisdiction
from survey.storage.registries import Snapshot
from survey.targets.ranges import RangeSet


def held_by_country(space: RangeSet, snapshot: Snapshot | None) -> pa.Table:
    """Columns ``country, addresses``: the part of ``space`` in each; NULL for the gaps."""
    empty = pa.table({"country": pa.array([], pa.string()), "addresses": pa.array([], pa.int64())})
    return _held(space, snapshot, empty)


def held_by_network(space: RangeSet, snapshot: Snapshot | None) -> pa.Table:
    """Columns ``asn, network, addresses``: the part of ``space`` in each; NULL for the gaps."""
    empty = pa.table(
        {
            "asn": pa.array([], pa.uint32()),
            "network": pa.array([], pa.string()),
            "addresses": pa.array([], pa.int64()),
        }
    )
    return _held(space, snapshot, empty)


def territory(
    jurisdiction: Jurisdiction, country: Snapshot | None, network: Snapshot | None
) -> RangeSet:
    """All addresses of a jurisdiction, as the snapshots of a run see it (law 8)."""
    return (
        _ranges_with(country, "country", jurisdiction.countries)
        | _ranges_with(network, "asn", jurisdiction.networks)
        | RangeSet.of(jurisdiction.ranges)
    ) - RangeSet.of(jurisdiction.excluded)


def _held(space: RangeSet, snapshot: Snapshot | None, empty: pa.Table) -> pa.Table:
    """The part of ``space`` in each range of a snapshot, summed over all columns but the count."""
    names = empty.column_names[:-1]
    held = empty
    if snapshot is not None:
        ranges = pq.read_table(snapshot.table, columns=["range_start", "range_end", *names])
        counts = _members(space, ranges["range_start"].to_numpy(), ranges["range_end"].to_numpy())
        table = ranges.select(names).append_column("addresses", pa.array(counts))
        table = table.filter(pc.greater(table["addresses"], 0))
        # a network is its number; its name may be spelt in several ways
        others = [(name, "min") for name in names[1:]]
        held = table.group_by(names[0]).aggregate([*others, ("addresses", "sum")])
        held = held.select([names[0], *(f"{name}_min" for name in names[1:]), "addresses_sum"])
        held = held.rename_columns(empty.column_names)
    rest = space.size - int(pc.sum(held["addresses"]).as_py() or 0)
    if rest:
        gap = pa.Table.from_pylist([{"addresses": rest}], schema=empty.schema)
        held = pa.concat_tables([held.cast(empty.schema), gap])
    return held


def _members(
    space: RangeSet, starts: NDArray[np.uint32], ends: NDArray[np.uint32]
) -> NDArray[np.int64]:
    """How many members of ``space`` lie in each range."""
    first, last = space.starts.astype(np.int64), space.ends.astype(np.int64)
    before = np.concatenate((np.zeros(1, np.int64), np.cumsum(last - first + 1)))

    def below(edges: NDArray[np.int64]) -> NDArray[np.int64]:
        at = np.searchsorted(first, edges, side="left")  # ranges that begin below the edge
        reach = np.concatenate((np.zeros(1, np.int64), last + 1))[at]
        # of the last of them, what lies at or above the edge does not count
        counts: NDArray[np.int64] = before[at] - np.maximum(reach - edges, 0)
        return counts

    return below(ends.astype(np.int64) + 1) - below(starts.astype(np.int64))


def _ranges_with(snapshot: Snapshot | None, column: str, wanted: Iterable[object]) -> RangeSet:
    values = sorted(wanted, key=str)
    if snapshot is None or not values:
        return RangeSet.of(())
    table = pq.read_table(snapshot.table, columns=["range_start", "range_end", column])
    chosen = table.filter(
        pc.is_in(table[column], pa.array(values, table.schema.field(column).type))
    )
    starts, ends = (
        chosen[name].to_numpy().astype(np.int64) for name in ("range_start", "range_end")
    )
    return RangeSet(starts, ends)
