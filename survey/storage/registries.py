"""Snapshots of outside data that lie ready, and which one is in force on a day.

A snapshot is a folder ``registries/<kind>/<id>/`` with a table and ``snapshot.json``; the latter
comes last, so a folder without it is none.  Both never change.
"""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from functools import cache
from pathlib import Path

import pyarrow as pa

from survey.errors import ConfigError, StorageError
from survey.storage.layout import Layout
from survey.storage.schemas import (
    CONTACT_RANGES,
    COUNTRY_RANGES,
    LISTING_RANGES,
    NETWORK_RANGES,
    ORGANISATIONS,
    REGISTRATION_RANGES,
)

DESCRIPTION = "snapshot.json"
NAMES = "names.parquet"

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


class SnapshotKind(StrEnum):
    """What a snapshot says, and about what."""

    COUNTRY = "country"
    """Where addresses are (geolocated)."""
    NETWORK = "network"
    """Which autonomous system announces them."""
    REGISTRATION = "registration"
    """To whom, and in which country, a regional registry gave them."""
    ORGANISATION = "organisation"
    """Which organisation runs an autonomous system."""
    CONTACT = "contact"
    """Who answers for addresses."""
    LISTING = "listing"
    """Which public databases name them."""

    @property
    def schema(self) -> pa.Schema:
        """Arrow schema of its table."""
        return {
            SnapshotKind.COUNTRY: COUNTRY_RANGES,
            SnapshotKind.NETWORK: NETWORK_RANGES,
            SnapshotKind.REGISTRATION: REGISTRATION_RANGES,
            SnapshotKind.ORGANISATION: ORGANISATIONS,
            SnapshotKind.CONTACT: CONTACT_RANGES,
            SnapshotKind.LISTING: LISTING_RANGES,
        }[self]

    @property
    def file(self) -> str:
        """Name of its table's file."""
        return "organisations.parquet" if self is SnapshotKind.ORGANISATION else "ranges.parquet"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One dated copy of outside data.

    Attributes:
        id: ``<kind>-<day>-<first 8 hex digits of a digest of source and content>``.
        kind: What it says.
        source: Name of who publishes it.
        licence: Its terms, one line, or "" if nobody wrote them down.
        attribution: The line that its terms ask for wherever it is used, or "".
        retrieved_at: UTC; its day is when it comes into force.
        sha256: Of the publisher's file as it came, hex; of several, one after the other.
        rows: Rows of its table.
        notes: What the import decided about lines that say more or less than a row can hold.
        table: Where it is.
    """

    id: str
    kind: SnapshotKind
    source: str
    licence: str
    attribution: str
    retrieved_at: datetime
    sha256: str
    rows: int
    notes: tuple[str, ...]
    table: Path

    @property
    def names(self) -> Path:
        """The table of names of a listing that names hosts; few have one."""
        return self.table.with_name(NAMES)

    @property
    def day(self) -> date:
        """The day from which it is in force."""
        return self.retrieved_at.date()


@dataclass(frozen=True, slots=True)
class Registries:
    """The snapshots that say where an address is and whose: one of each kind, or None.

    Attributes:
        country: Of countries.
        network: Of networks.
        registration: Of registrations.
        organisation: Of organisations.
    """

    country: Snapshot | None = None
    network: Snapshot | None = None
    registration: Snapshot | None = None
    organisation: Snapshot | None = None

    def snapshots(self) -> tuple[Snapshot, ...]:
        """Those that there are."""
        every = (self.country, self.network, self.registration, self.organisation)
        return tuple(one for one in every if one is not None)


JOINED = (
    SnapshotKind.COUNTRY,
    SnapshotKind.NETWORK,
    SnapshotKind.REGISTRATION,
    SnapshotKind.ORGANISATION,
)
"""The kinds that findings are joined with; a field of ``Registries`` each."""


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


def registries_in_force(layout: Layout, day: date) -> Registries:
    """The snapshots that count on a day, each kind by the rule of ``in_force``."""
    return Registries(**{kind.value: in_force(layout, kind, day) for kind in JOINED})


def chosen_registries(layout: Layout, wishes: Sequence[str] = ()) -> Callable[[date], Registries]:
    """Which snapshots to join with what was seen on a day.

    Args:
        layout: Where they are.
        wishes: Nothing: those in force on that day.  A day: those in force then, whatever was seen
            when.  Ids of snapshots: each instead of its kind's.

    Raises:
        ConfigError: They name no day, no snapshot that findings are joined with, or two of a kind.
    """
    days = [wish for wish in wishes if _DAY.fullmatch(wish)]
    fixed: dict[str, Snapshot] = {}
    for id_ in (wish for wish in wishes if wish not in days):
        kind = id_.partition("-")[0]
        if kind not in JOINED or kind in fixed:
            raise ConfigError(
                "--registries", "", f"{id_!r} won't do", "one day, or one id of each kind at most"
            )
        fixed[kind] = find_snapshot(layout, id_)
    try:
        at = date.fromisoformat(days[0]) if days else None
    except ValueError as error:
        raise ConfigError(
            "--registries", "", f"{days[0]!r} is no day", "write it like 2026-11-23"
        ) from error
    if len(days) > 1:
        raise ConfigError("--registries", "", "names two days", "name one")

    @cache
    def choose(day: date) -> Registries:
        return replace(registries_in_force(layout, at or day), **fixed)

    return choose


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
        kind = SnapshotKind(content["kind"])
        return Snapshot(
            id=content["id"],
            kind=kind,
            source=content["source"],
            licence=content["licence"],
            attribution=content["attribution"],
            retrieved_at=datetime.fromisoformat(content["retrieved_at"]),
            sha256=content["sha256"],
            rows=content["rows"],
            notes=tuple(content["notes"]),
            table=path.with_name(kind.file),
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
        "attribution": snapshot.attribution,
        "retrieved_at": snapshot.retrieved_at.isoformat(),
        "sha256": snapshot.sha256,
        "rows": snapshot.rows,
        "notes": snapshot.notes,
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"
