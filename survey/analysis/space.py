"""How many tested addresses each country, network or holder has, and which are a jurisdiction's.

Ranges are counted into one another by binary search; no address is enumerated.
"""

from collections.abc import Iterable
from dataclasses import dataclass

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


def held_by_holder(space: RangeSet, snapshot: Snapshot | None) -> pa.Table:
    """Columns ``holder, addresses``: the part of ``space`` that each was given."""
    empty = pa.table({"holder": pa.array([], pa.string()), "addresses": pa.array([], pa.int64())})
    return _held(space, snapshot, empty)


def held_by_organisation(
    space: RangeSet, network: Snapshot | None, organisation: Snapshot | None
) -> pa.Table:
    """Columns ``organisation, addresses``: the part of ``space`` in the networks that each runs."""
    held = held_by_network(space, network).select(["asn", "addresses"])
    names = pa.table({"asn": pa.array([], pa.uint32()), "organisation": pa.array([], pa.string())})
    if organisation is not None:
        names = pq.read_table(organisation.table, columns=names.column_names)
    joined = held.join(names, "asn").group_by("organisation").aggregate([("addresses", "sum")])
    return joined.select(["organisation", "addresses_sum"]).rename_columns(
        ["organisation", "addresses"]
    )


def held_by_block(space: RangeSet, blocks: NDArray[np.uint32]) -> pa.Table:
    """Columns ``block, addresses``: the part of ``space`` in each /24, by its first address."""
    counts = _members(space, blocks, blocks | np.uint32(255))
    return pa.table({"block": blocks, "addresses": counts})


def held_by_country_and_network(
    space: RangeSet, country: Snapshot | None, network: Snapshot | None
) -> pa.Table:
    """Columns ``country, asn, network, addresses``; NULL for the gaps of either registry."""
    places = _Ranges.of(country, "country", pa.string())
    nets = _Ranges.of(network, "asn", pa.uint32())
    # between two edges, everything is in one country and in one network
    edges = np.unique(np.concatenate((places.edges(), nets.edges(), np.array([0, 1 << 32]))))
    starts, ends = edges[:-1], edges[1:] - 1
    table = pa.table(
        {
            "country": places.at(starts),
            "asn": nets.at(starts),
            "addresses": _members(space, starts, ends),
        }
    )
    table = table.filter(pc.greater(table["addresses"], 0))
    table = table.group_by(["country", "asn"]).aggregate([("addresses", "sum")])
    named = held_by_network(space, network).select(["asn", "network"])
    joined = table.join(named.filter(pc.is_valid(named["asn"])), "asn")
    return joined.select(["country", "asn", "network", "addresses_sum"]).rename_columns(
        ["country", "asn", "network", "addresses"]
    )


def territory(
    jurisdiction: Jurisdiction, country: Snapshot | None, network: Snapshot | None
) -> RangeSet:
    """All addresses of a jurisdiction, as the snapshots of a run see it (law 8)."""
    return (
        _ranges_with(country, "country", jurisdiction.countries)
        | _ranges_with(network, "asn", jurisdiction.networks)
        | RangeSet.of(jurisdiction.ranges)
    ) - RangeSet.of(jurisdiction.excluded)


@dataclass(frozen=True, slots=True)
class _Ranges:
    """Disjoint, sorted ranges, each with a value."""

    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    values: pa.Array

    @classmethod
    def of(cls, snapshot: Snapshot | None, column: str, kind: pa.DataType) -> "_Ranges":
        """Those of a snapshot; none without one."""
        if snapshot is None:
            nothing = np.array([], np.int64)
            return cls(nothing, nothing, pa.array([], kind))
        table = pq.read_table(snapshot.table, columns=["range_start", "range_end", column])
        starts, ends = (
            table[name].to_numpy().astype(np.int64) for name in ("range_start", "range_end")
        )
        return cls(starts, ends, table[column].combine_chunks())

    def edges(self) -> NDArray[np.int64]:
        """Where something begins or has ended."""
        return np.concatenate((self.starts, self.ends + 1))

    def at(self, addresses: NDArray[np.int64]) -> pa.Array:
        """The value at each address; NULL in the gaps."""
        if not len(self.starts):
            return pa.nulls(len(addresses), self.values.type)
        found = np.searchsorted(self.starts, addresses, side="right") - 1
        inside = (found >= 0) & (addresses <= self.ends[np.maximum(found, 0)])
        return self.values.take(pa.array(found, mask=~inside))


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
    space: RangeSet,
    starts: NDArray[np.uint32] | NDArray[np.int64],
    ends: NDArray[np.uint32] | NDArray[np.int64],
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
