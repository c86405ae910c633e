"""What DNSBLs answered over DNS: one table per zone, replaced whole."""

from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from survey.errors import StorageError
from survey.model.listing import Listed, Listing
from survey.storage.files import replacing
from survey.storage.layout import Layout
from survey.storage.schemas import LISTING_CHECKS

CHECK = "check"
"""Stands where a snapshot's id would, for what was answered over DNS."""


@dataclass(frozen=True, slots=True)
class Check:
    """One row: what a DNSBL last answered about an address; fields as in LISTING_CHECKS."""

    listing: str
    ip: int
    state: Listed
    code: str | None
    reason: str | None
    since: datetime | None
    last_seen: datetime | None
    checked_at: datetime | None
    asked_at: datetime

    @property
    def stands(self) -> bool:
        """Whether its last answer, listed or not, was "listed"; an unknown one changes nothing."""
        return self.last_seen is not None and self.last_seen == self.checked_at

    @property
    def entry(self) -> Listing:
        """As other listings are told of."""
        return Listing(
            name=self.listing,
            since=None,
            snapshot=CHECK,
            seen_since=self.since,
            last_seen=self.last_seen,
            code=self.code or "",
            reason=self.reason or "",
        )


def check_files(layout: Layout) -> tuple[Path, ...]:
    """The tables of all zones."""
    return tuple(sorted(layout.listings.glob("*.parquet")))


def checks_of(layout: Layout, ip: int) -> tuple[Check, ...]:
    """What was answered about one address, by zone."""
    return tuple(
        Check(**{**row, "state": Listed(row["state"])})
        for path in check_files(layout)
        for row in pq.read_table(path, filters=[("ip", "==", ip)]).to_pylist()
    )


def read_checks(layout: Layout, zone: str) -> dict[int, Check]:
    """All rows of a zone by address.

    Raises:
        StorageError: The table is damaged.
    """
    path = _path(layout, zone)
    if not path.is_file():
        return {}
    try:
        rows = pq.read_table(path, schema=LISTING_CHECKS).to_pylist()
    except (OSError, pa.ArrowException) as error:
        raise StorageError(f"{path}: is no table of look-ups: {error}") from error
    return {row["ip"]: Check(**{**row, "state": Listed(row["state"])}) for row in rows}


def write_checks(layout: Layout, zone: str, checks: dict[int, Check]) -> None:
    """Replace the rows of a zone."""
    rows = [checks[ip] for ip in sorted(checks)]
    columns = {one.name: [getattr(row, one.name) for row in rows] for one in fields(Check)}
    with replacing(_path(layout, zone)) as part:
        pq.write_table(pa.table(columns, schema=LISTING_CHECKS), part, compression="zstd")


def _path(layout: Layout, zone: str) -> Path:
    return layout.listings / f"{zone}.parquet"
