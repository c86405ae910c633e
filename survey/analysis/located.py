"""Where each finding's address is and whose, as the registries knew on the finding's own day.

A run may last longer than a snapshot is in force, and a follow-up comes days later, so the
snapshots are chosen day by day.  The address space of the second snapshot of a kind is laid behind
that of the first, of the third behind both: one ASOF join looks up all of them, as fast as one.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from itertools import chain

import pyarrow as pa

from survey.analysis.database import Connection, hold
from survey.analysis.queries import query
from survey.storage.registries import JOINED, Registries, Snapshot, SnapshotKind

Choose = Callable[[date], Registries]
"""The snapshots to use for what was seen on a day (UTC)."""


def no_registries(_: date) -> Registries:
    """None at all: nothing has a country."""
    return Registries()


def prepare(connection: Connection, choose: Choose) -> tuple[Snapshot, ...]:
    """Make the tables that ``locate`` reads, for every day with an observation.

    Reads the view ``observations``; returns the snapshots that were chosen for some day.
    """
    days = [day for (day,) in connection.execute(query("days")).fetchall()]
    chosen = {day: choose(day) for day in days}
    used: dict[SnapshotKind, list[Snapshot]] = {
        kind: _distinct(getattr(registries, kind) for registries in chosen.values())
        for kind in JOINED
    }
    columns: dict[str, pa.Array] = {"day": pa.array(days, pa.date32())}
    for kind, snapshots in used.items():
        ours = [getattr(registries, kind) for registries in chosen.values()]
        columns[f"{kind}_snapshot"] = pa.array([one and one.id for one in ours], pa.string())
        # without a snapshot its table is empty, and the number stands for nothing
        numbers = [snapshots.index(one) if one else 0 for one in ours]
        columns[f"{kind}_space"] = pa.array([number << 32 for number in numbers], pa.uint64())
    hold(connection, "vintages", pa.table(columns))
    for kind in (SnapshotKind.COUNTRY, SnapshotKind.NETWORK, SnapshotKind.REGISTRATION):
        _hold_ranges(connection, kind, used[kind])
    _hold_organisations(connection, used[SnapshotKind.ORGANISATION])
    return tuple(chain.from_iterable(used.values()))


def locate(connection: Connection) -> None:
    """Make ``located`` for the targets in ``judged``."""
    connection.execute(query("located"))


def _distinct(snapshots: Iterable[Snapshot | None]) -> list[Snapshot]:
    return sorted({one for one in snapshots if one is not None}, key=lambda one: one.id)


def _hold_ranges(connection: Connection, kind: SnapshotKind, snapshots: Sequence[Snapshot]) -> None:
    """All ranges of a kind, each snapshot's in the space of its number."""
    schema = kind.schema
    for index, edge in enumerate(("range_start", "range_end")):
        schema = schema.set(index, pa.field(edge, pa.uint64()))
    hold(connection, f"{kind}_ranges", schema.empty_table())
    rest = ", ".join(schema.names[2:])
    for number, one in enumerate(snapshots):
        connection.execute(
            f"INSERT INTO {kind}_ranges "  # noqa: S608 - words of ours
            f"SELECT range_start + $space, range_end + $space, {rest} FROM read_parquet($file)",
            {"space": number << 32, "file": str(one.table)},
        )


def _hold_organisations(connection: Connection, snapshots: Sequence[Snapshot]) -> None:
    schema = SnapshotKind.ORGANISATION.schema.insert(0, pa.field("snapshot", pa.string()))
    hold(connection, "organisations", schema.empty_table())
    for one in snapshots:
        connection.execute(
            "INSERT INTO organisations SELECT $id, * FROM read_parquet($file)",
            {"id": one.id, "file": str(one.table)},
        )
