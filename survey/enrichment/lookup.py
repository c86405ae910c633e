"""Addresses to what registries say about them, and back.

Snapshots never change, so what was read of one is kept.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from survey.errors import ConfigError
from survey.model.address import Range
from survey.model.contact import Contact
from survey.model.listing import Listing
from survey.storage.layout import Layout
from survey.storage.listing_checks import checks_of
from survey.storage.registries import (
    Registries,
    Snapshot,
    SnapshotKind,
    in_force,
    in_force_by_source,
)
from survey.targets.ranges import Ips, RangeSet

_UNKNOWN = datetime.max.replace(tzinfo=UTC)
_LONGEST_NAME = 256
"""An entry that names the host itself is closer than any range of addresses."""


def ranges_of(
    layout: Layout, countries: Iterable[str], networks: Iterable[int], day: date | None = None
) -> tuple[tuple[Range, ...], tuple[str, ...]]:
    """All addresses of some countries and networks, and the ids of the snapshots that say so.

    Args:
        layout: Where the snapshots are.
        countries: ISO 3166-1 alpha-2 codes.
        networks: Autonomous system numbers.
        day: As of which day; today (UTC) if not given.

    Raises:
        ConfigError: There is no snapshot, or it knows no address of one of them.
    """
    as_of = day or datetime.now(UTC).date()
    codes = sorted({code.upper() for code in countries})
    numbers = sorted(set(networks))
    found = RangeSet.of(())
    snapshots = []
    for kind, column, wanted in (
        (SnapshotKind.COUNTRY, "country", codes),
        (SnapshotKind.NETWORK, "asn", numbers),
    ):
        if wanted:
            ranges, snapshot = _ranges_with(layout, kind, column, wanted, as_of)
            found |= ranges
            snapshots.append(snapshot)
    return found.ranges, tuple(snapshots)


def contact_of(layout: Layout, ip: int, day: date) -> Contact | None:
    """Who answers for an address on a day; None if no snapshot knows."""
    return contact_in(in_force_by_source(layout, SnapshotKind.CONTACT, day), ip)


def contact_in(snapshots: Iterable[Snapshot], ip: int) -> Contact | None:
    """Who answers for an address, as one of these contact snapshots knows; None if none does.

    If several know the address, the one with the smallest range is closest to it.
    """
    found = []
    for snapshot in snapshots:
        for row in _holding(snapshot.table, ip):
            contact = Contact(
                row["email"],
                row["name"],
                row["language"],
                snapshot.id,
                server=snapshot.source,
                found_at=snapshot.retrieved_at,
            )
            found.append((row["range_end"] - row["range_start"], snapshot.source, contact))
    return min(found, key=lambda one: one[:2])[-1] if found else None


def place_in(registries: Registries, ip: int) -> tuple[str, int | None]:
    """Country ("" if unknown) and autonomous system of an address."""
    country, asn = "", None
    if registries.country is not None:
        country = next((row["country"] for row in _holding(registries.country.table, ip)), "")
    if registries.network is not None:
        asn = next((row["asn"] for row in _holding(registries.network.table, ip)), None)
    return country, asn


def listings_of(layout: Layout, ip: int, day: date, host: str | None = None) -> tuple[Listing, ...]:
    """Every public listing that names an address or its host on a day, once each, by name.

    What a DNSBL answered over DNS counts, too.  Of several entries of one listing the narrowest
    speaks, as its own server would answer.

    Args:
        layout: Where the snapshots and look-ups are.
        ip: The address.
        day: Which day's snapshots.
        host: Its name, if that was shown to resolve to it.
    """
    found: list[tuple[str, int, Listing]] = []
    for snapshot in in_force_by_source(layout, SnapshotKind.LISTING, day):
        for row in _holding(snapshot.table, ip):
            entry = _entry(row, row["since"], snapshot)
            found.append((entry.name, row["range_end"] - row["range_start"], entry))
        if host and snapshot.names.is_file():
            found += (
                (row["listing"], len(row["name"]) - _LONGEST_NAME, _entry(row, None, snapshot))
                for row in _naming(snapshot.names, host)
            )
    found += ((one.listing, 0, one.entry) for one in checks_of(layout, ip) if one.stands)
    closest: dict[str, tuple[tuple[int, datetime], Listing]] = {}
    for name, width, entry in found:
        rank = (width, entry.known_since or _UNKNOWN)
        if name not in closest or rank < closest[name][0]:
            closest[name] = rank, entry
    return tuple(closest[name][1] for name in sorted(closest))


def _entry(row: dict[str, Any], since: datetime | None, snapshot: Snapshot) -> Listing:
    return Listing(
        name=row["listing"],
        since=since,
        snapshot=snapshot.id,
        seen_since=row["seen_since"],
        last_seen=snapshot.retrieved_at,
        code=row["code"] or "",
        reason=row["reason"] or "",
    )


def _naming(path: Path, host: str) -> list[dict[str, Any]]:
    """The rows of a snapshot that list a host: its own, else those of the longest name above it."""
    table = _names(path)
    labels = host.lower().rstrip(".").split(".")
    asked = [(".".join(labels), False)]
    asked += [(".".join(labels[at:]), True) for at in range(1, len(labels))]
    near = table.filter(pc.is_in(table["name"], pa.array([name for name, _ in asked])))
    rows = near.to_pylist()
    decided: set[str] = set()
    found = []
    for name, below in asked:
        mine = [row for row in rows if (row["name"], row["below"]) == (name, below)]
        mine = [row for row in mine if row["listing"] not in decided]
        decided |= {row["listing"] for row in mine}
        out = {row["listing"] for row in mine if row["excluded"]}
        found += [row for row in mine if row["listing"] not in out]
    return found


def _ranges_with(
    layout: Layout, kind: SnapshotKind, column: str, wanted: Sequence[object], day: date
) -> tuple[RangeSet, str]:
    snapshot = in_force(layout, kind, day)
    if snapshot is None:
        raise ConfigError(
            layout.registries / kind,
            "",
            f"there is no {kind} snapshot",
            f"import one with `survey registry import {kind} FILE`",
        )
    table = pq.read_table(snapshot.table)
    known = set(pc.unique(table[column]).to_pylist())
    for value in wanted:
        if value not in known:
            raise ConfigError(
                snapshot.id,
                str(value),
                f"the snapshot has no address of this {kind}",
                "correct it, or import a newer snapshot",
            )
    chosen = table.filter(
        pc.is_in(table[column], pa.array(wanted, table.schema.field(column).type))
    )
    starts, ends = (
        chosen[name].to_numpy().astype(np.int64) for name in ("range_start", "range_end")
    )
    return RangeSet(starts, ends), snapshot.id


def _holding(path: Path, ip: int) -> list[dict[str, Any]]:
    """The rows of a snapshot whose range holds an address."""
    table, starts, longest = _loaded(path)
    # rows that start after ip can't hold it, nor those that start farther below than any reaches
    last = int(np.searchsorted(starts, np.uint32(ip), side="right"))
    first = int(np.searchsorted(starts, np.uint32(max(0, ip - longest)), side="left"))
    near = table.slice(first, last - first)
    rows: list[dict[str, Any]] = near.filter(pc.greater_equal(near["range_end"], ip)).to_pylist()
    return rows


@lru_cache(maxsize=32)
def _names(path: Path) -> pa.Table:
    return pq.read_table(path)


@lru_cache(maxsize=32)
def _loaded(path: Path) -> tuple[pa.Table, Ips, int]:
    """Table, range starts, and the greatest distance from a start to its end."""
    table = pq.read_table(path)
    starts: Ips = table["range_start"].to_numpy()
    ends: Ips = table["range_end"].to_numpy()
    return table, starts, int((ends - starts).max(initial=0))
