"""What is true of a history: every exposure, every letter, and what each look was told."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from survey.lab.history.rows import microseconds
from survey.lab.history.servers import FIXED, GONE, MOVED, NEVER, PROBES, Stands
from survey.storage.files import replacing
from survey.storage.schemas import UTC

_KINDS = ("relay", *(["proxy"] * (len(PROBES) - 1)))
_WHY = {FIXED: "fixed", GONE: "gone", MOVED: "moved"}

EXPOSURES = pa.schema(
    [
        ("server", pa.uint32()),
        ("ip", pa.uint32()),
        ("port", pa.uint16()),
        ("kind", pa.string()),
        ("probe", pa.string()),
        ("opened_at", UTC),
        ("closed_at", UTC),
        ("why", pa.string()),
        ("told_at", UTC),
        ("reacted", pa.bool_()),
        ("moved_to", pa.uint32()),
    ]
)
"""One per time that a server stood open at an address; ``why``: fixed, gone, moved, or null."""

LETTERS = pa.schema(
    [
        ("campaign", pa.string()),
        ("run", pa.string()),
        ("ip", pa.uint32()),
        ("port", pa.uint16()),
        ("kind", pa.string()),
        ("started_at", UTC),
        ("label", pa.string()),
        ("reacts", pa.bool_()),
    ]
)
"""One per operator that was chosen; ``label``: told, or held_out for who got no letter."""

LOOKS = pa.schema(
    [
        ("run", pa.string()),
        ("round", pa.uint16()),
        ("ip", pa.uint32()),
        ("port", pa.uint16()),
        ("kind", pa.string()),
        ("at", UTC),
        ("state", pa.string()),
    ]
)
"""One per look that left a row: open, closed or unknown."""


def kind_of(service: int) -> str:
    """The kind of exposure of a service."""
    return _KINDS[service]


def exposures(stands: Stands, end: float) -> pa.Table:
    """Every exposure that began before the end of the history."""
    twice = np.flatnonzero(np.isfinite(stands.reopens))
    places = np.concatenate([np.arange(len(stands)), twice])
    opened = np.concatenate([stands.opens, stands.reopens[twice]])
    closed = np.concatenate([stands.closes, np.full(len(twice), NEVER)])
    again = np.arange(len(places)) >= len(stands)
    began = opened < end
    places, opened, closed, again = (part[began] for part in (places, opened, closed, again))
    following = np.append(stands.ip[1:], 0)
    moved = (stands.why[places] == MOVED) & ~again & (closed < end)
    over = np.isfinite(closed) & (closed < end)
    told = np.isfinite(stands.told_at[places]) & (
        (stands.told_at[places] >= opened) & (stands.told_at[places] < np.where(over, closed, end))
    )
    columns = [
        pa.array(stands.server[places].astype(np.uint32)),
        pa.array(stands.ip[places].astype(np.uint32)),
        pa.array(stands.port[places].astype(np.uint16)),
        pa.array(_KINDS).take(pa.array(stands.service[places])),
        pa.array(PROBES).take(pa.array(stands.service[places])),
        _times(opened, np.ones(len(opened), dtype=bool)),
        _times(closed, over),
        pa.array([_WHY.get(why) for why in np.where(over, stands.why[places], 0).tolist()]),
        _times(stands.told_at[places], told),
        pa.array(told & over & (stands.reacts_at[places] == closed)),
        pa.array(following[places].astype(np.uint32), mask=~moved),
    ]
    table = pa.table(columns, schema=EXPOSURES)
    return table.sort_by([(name, "ascending") for name in ("ip", "port", "opened_at")])


def _times(days: np.ndarray, known: np.ndarray) -> pa.Array:
    moments = microseconds(np.where(known, days, 0.0))
    return pa.array(moments, pa.int64(), mask=~known).cast(UTC)


def write(path: Path, table: pa.Table) -> None:
    """Write one table of the truth, whole."""
    with replacing(path) as part:
        pq.write_table(table, part, compression="zstd")
