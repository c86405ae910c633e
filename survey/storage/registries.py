"""Snapshots of outside data that lie ready, and which one is in force on a day.

A snapshot is a folder ``registries/<kind>/<id>/`` with ``ranges.parquet`` and ``snapshot.json``;
the latter comes last, so a folder without it is none.  Both never change.
"""

import json
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path

import pyarrow as pa

from survey.errors import StorageError
from survey.storage.layout import Layout
from survey.storage.schemas import CONTACT_RANGES, COUNTRY_RANGES, LISTING_RANGES, NETWORK_RANGES

RANGES = "ranges.parquet"
DESCRIPTION = "snapshot.json"


class SnapshotKind(StrEnum):
    """What a snapshot says about addresses."""

    COUNTRY = "country"
    NETWORK = "network"
    CONTACT = "contact"
    LISTING = "listing"

    @property
    def schema(self) -> pa.Schema:
        """Arrow schema of its ranges."""
        return {
            SnapshotKind.COUNTRY: COUNTRY_RANGES,
            SnapshotKind.NETWORK: NETWORK_RANGES,
            SnapshotKind.CONTACT: CONTACT_RANGES,
            SnapshotKind.LISTING: LISTING_RANGES,
        }[self]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One dated copy of outside data.

    Attributes:
        id: ``<kind>-<day>-<first 8 hex digits of a digest of source and file>``.
        kind: What it says.
        source: Name of who publishes it.
        licence: Its terms, one line, or "" if nobody wrote them down.
        retrieved_at: UTC; its day is when it comes into force.
        sha256: Of the file it was made from, hex.
        rows: Address ranges in it.
        ranges: Its table.
    """

    id: str
    kind: SnapshotKind
    source: str
    licence: str
    retrieved_at: datetime
    sha256: str
    rows: int
    ranges: Path

    @property
    def day(self) -> date:
        """The day from which it is in force."""
        return self.retrieved_at.date()


def list_snapshots(layout: Layout, kind: SnapshotKind) -> tuple[Snapshot, ...]:
    """All snapshots of a kind, oldest first.

    Raises:
        StorageError: A description is damaged.
    """
    found = (layout.registries / kind).glob(f"*/{DESCRIPTION}")
    return tuple(sorted(map(read_snapshot, found), key=lambda one: (one.retrieved_at, one.id)))


def in_force(layout: Layout, kind: SnapshotKind, day: date) -> Snapshot | None:
    """The snapshot that counts on a day, or None if there is none at all.

    The latest of that day or before; before the first one, the first (nobody knew better).
    """
    every = list_snapshots(layout, kind)
    past = [one for one in every if one.day <= day]
    return past[-1] if past else next(iter(every), None)


def in_force_by_source(layout: Layout, kind: SnapshotKind, day: date) -> tuple[Snapshot, ...]:
    """One snapshot per source, each by the rule of ``in_force``; for contacts and listings."""
    chosen: dict[str, Snapshot] = {}
    for one in list_snapshots(layout, kind):
        if one.source not in chosen or one.day <= day:
            chosen[one.source] = one
    return tuple(chosen[source] for source in sorted(chosen))


def find_snapshot(layout: Layout, id_: str) -> Snapshot:
    """The snapshot with this id.

    Raises:
        StorageError: It is not here.
    """
    kind = id_.partition("-")[0]
    path = layout.registries / kind / id_ / DESCRIPTION
    if kind not in list(SnapshotKind) or not path.is_file():
        raise StorageError(f"{path.parent}: this registry snapshot is missing; import it again")
    return read_snapshot(path)


def read_snapshot(path: Path) -> Snapshot:
    """The snapshot that a ``snapshot.json`` describes.

    Raises:
        StorageError: The description is damaged.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return Snapshot(
            id=content["id"],
            kind=SnapshotKind(content["kind"]),
            source=content["source"],
            licence=content["licence"],
            retrieved_at=datetime.fromisoformat(content["retrieved_at"]),
            sha256=content["sha256"],
            rows=content["rows"],
            ranges=path.with_name(RANGES),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StorageError(f"{path}: is damaged; import the snapshot again") from error


def describe(snapshot: Snapshot) -> str:
    """The text of a ``snapshot.json``."""
    content = {
        "id": snapshot.id,
        "kind": snapshot.kind,
        "source": snapshot.source,
        "licence": snapshot.licence,
        "retrieved_at": snapshot.retrieved_at.isoformat(),
        "sha256": snapshot.sha256,
        "rows": snapshot.rows,
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"
