"""What is true of a history: exposures, letters, looks, who answered, who holds which addresses."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from survey.lab.geography import COUNTRIES
from survey.lab.history.rows import ANSWERS as SAID
from survey.lab.history.rows import DENIED, PROGRAMS, TESTS, Rows, microseconds
from survey.lab.history.servers import FIXED, GONE, MOVED, NEVER, PROBES, Stands
from survey.lab.history.territory import Territory
from survey.model.assignment import Receipt
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
        ("case", pa.string()),
        ("medium", pa.string()),
        ("until", UTC),
        ("bounces", pa.bool_()),
        ("closes_alone_at", UTC),
        ("seen_alone", pa.bool_()),
        ("reacts_after", pa.float64()),
        ("reacts_to_text", pa.bool_()),
        ("reacts_to_pdf", pa.bool_()),
    ]
)
"""One per server of a case that was drawn, with what happens and with what would have.

``label``: told, or held_out: told at ``until``, if that is set.  ``reacts``: whether the letter
that it gets makes it close.  Without any letter it closes at ``closes_alone_at`` (null: never), and
``seen_alone`` says whether something answers no there then.  If its operator reacts to such a
letter, it closes ``reacts_after`` days after one came.
"""

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

ANSWERS = pa.schema(
    [
        ("run", pa.string()),
        ("round", pa.uint16()),
        ("attempt", pa.uint8()),
        ("ip", pa.uint32()),
        ("port", pa.uint16()),
        ("probe", pa.string()),
        ("came_to", pa.string()),
        ("software", pa.string()),
    ]
)
"""One per look at a service that left a row, the crowd's too.

``came_to``: nothing, connected, spoke or open; ``software``: what it says it is, or "".
"""

RANGES = pa.schema(
    [
        ("range_start", pa.uint32()),
        ("range_end", pa.uint32()),
        ("country", pa.string()),
        ("asn", pa.uint32()),
        ("network", pa.string()),
    ]
)
"""One per range of addresses: where it is and whose; null for nobody knows."""

RUNS = pa.schema(
    [
        ("run", pa.string()),
        *(
            (name, pa.uint64())
            for name in ("planned", "opted_out", "sent", "accepted", "refused", "silent")
        ),
        *((name, pa.uint64()) for name in ("rechecked", "reopened", "missed")),
    ]
)
"""One per run: what became of its targets, and what a second look at a few of them found."""

_PROXY_REFUSES = SAID.index(DENIED["http_connect"])
_CAME_TO = [{"sent": "open", "echoed": "open"}.get(one.step, one.step) for one in SAID]


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


def answers(run: str, round_: int, rows: Rows) -> pa.Table:
    """What each service that left a row came to; a relay's or a proxy's first form tells it."""
    some = rows.take(np.isin(rows.variant, TESTS))
    named = (some.server >= 0) & (some.probe == 0) & (some.answer > 1)
    refusing = some.answer == _PROXY_REFUSES  # only then it says what it is
    programs = ["", "squid", *(program.split()[0].lower() for program in PROGRAMS)]
    program = np.where(named, 2 + some.server % len(PROGRAMS), refusing)
    return pa.table(
        [
            pa.repeat(pa.scalar(run), len(some)),
            pa.repeat(pa.scalar(round_, pa.uint16()), len(some)),
            pa.array(some.attempt.astype(np.uint8)),
            pa.array(some.ip.astype(np.uint32)),
            pa.array(some.port.astype(np.uint16)),
            pa.array(PROBES).take(pa.array(some.probe)),
            pa.array(_CAME_TO).take(pa.array(some.answer)),
            pa.array(programs).take(pa.array(program.astype(np.int64))),
        ],
        schema=ANSWERS,
    )


def ranges(territory: Territory) -> pa.Table:
    """Where addresses are and whose."""
    owned, placed = territory.owners >= 0, territory.countries >= 0
    networks = territory.networks
    return pa.table(
        [
            pa.array(territory.starts.astype(np.uint32)),
            pa.array(territory.ends.astype(np.uint32)),
            pa.array([one.code for one in COUNTRIES]).take(
                pa.array(territory.countries, mask=~placed)
            ),
            pa.array([one.asn for one in networks], pa.uint32()).take(
                pa.array(territory.owners, mask=~owned)
            ),
            pa.array([one.name for one in networks]).take(pa.array(territory.owners, mask=~owned)),
        ],
        schema=RANGES,
    )


def run_row(run: str, receipts: Iterable[Receipt]) -> pa.Table:
    """What became of the targets of a run, as its shards were made."""
    row: dict[str, object] = {"run": run}
    every = list(receipts)
    for name in RUNS.names[1:]:
        counted = "open" if name == "accepted" else name
        row[name] = sum(getattr(one, counted) for one in every)
    return pa.Table.from_pylist([row], RUNS)


def _times(days: np.ndarray, known: np.ndarray) -> pa.Array:
    moments = microseconds(np.where(known, days, 0.0))
    return pa.array(moments, pa.int64(), mask=~known).cast(UTC)


def write(path: Path, table: pa.Table) -> None:
    """Write one table of the truth, whole."""
    with replacing(path) as part:
        pq.write_table(table, part, compression="zstd")
