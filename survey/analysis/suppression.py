"""Tables fit to be published: no small cell is shown, or can be worked out from what is (law 8).

A cell of fewer than five open hosts points at somebody.  It is left out with its rates; so is a
zero wherever a small cell is left out, else the two could be told apart.  Where the total would
still give a cell away, the next larger cells are left out too, with all that equal them; where that
can't be done, the total is.  Whoever knows this rule still finds at least two values for each cell
that is left out (decision 0174).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from survey.errors import ConfigError
from survey.model.exposure import By

SMALL = 5
"""A cell of fewer open hosts, but not none, is small."""

_FACTS = ("addresses", "people")
_RATES = ("per_100k_answering", "per_100k_low", "per_100k_high", "per_million_addresses")
_KEPT = (*_FACTS, *_RATES, "per_million_people")
_HOST_LEVEL = {By.BLOCK}


@dataclass(frozen=True, slots=True)
class Suppressed:
    """What is left out of a column and its total.

    Attributes:
        cells: Positions of the cells.
        total: Whether the total is left out, too.
    """

    cells: frozenset[int]
    total: bool


def suppressed(counts: Sequence[int]) -> Suppressed:
    """Which of some counts, published with their total, must be left out."""
    small = {at for at, count in enumerate(counts) if count < SMALL}
    hidden = sum(counts[at] for at in small)
    if hidden == 0:
        return Suppressed(frozenset(), total=False)
    if len(small) > 1 and hidden != (SMALL - 1) * len(small):
        return Suppressed(frozenset(small), total=sum(counts) < SMALL)
    rest = [count for count in counts if count >= SMALL]
    if not rest:
        return Suppressed(frozenset(small), total=True)
    next_ones = {at for at, count in enumerate(counts) if count == min(rest)}
    return Suppressed(frozenset(small | next_ones), total=False)


def publishable(table: pa.Table, by: By) -> pa.Table:
    """A run's exposure as it may be published, its total in the last row.

    Columns: the key; ``total`` (is it the total's row), ``suppressed``; ``open``, ``answering``,
    rates and ``rank`` (among the rows shown), NULL where they are left out; addresses and people.

    Raises:
        ConfigError: A /24 is too near to a single host to be published at all.
    """
    if by in _HOST_LEVEL:
        raise ConfigError(
            "exposure", "public", f"by {by} is for nobody but its holder", "by country"
        )
    keys = table.column_names[: table.column_names.index("open")]
    # where a row stands must not tell how many it has
    table = table.sort_by([(name, "ascending") for name in keys])
    counts = table["open"].to_pylist()
    out = suppressed(counts)
    shown = pa.array([at not in out.cells for at in range(len(counts))], pa.bool_())
    ranked = sorted((-count for at, count in enumerate(counts) if at not in out.cells))
    named = pc.is_valid(table[keys[0]]).to_pylist()
    columns = {name: table[name] for name in keys}
    columns["total"] = pa.array([False] * len(counts), pa.bool_())
    columns["suppressed"] = pc.invert(shown)
    for name in ("open", "answering", *(name for name in _KEPT if name in table.column_names)):
        whole = table[name]
        columns[name] = whole if name in _FACTS else pc.if_else(shown, whole, None)
    columns["rank"] = pa.array(
        [
            ranked.index(-count) + 1 if there and known else None
            for count, there, known in zip(counts, shown.to_pylist(), named, strict=True)
        ],
        pa.int64(),
    )
    order = [("suppressed", "ascending"), ("open", "descending"), (keys[0], "ascending")]
    rows = pa.table(columns).sort_by(order)
    return pa.concat_tables([rows, _total(table, columns, out)])


PUBLIC_DAYS = 30
"""The only time after which shares of cases are published: two would tell what lies between."""


def publishable_effect(differences: pa.Table) -> pa.Table:
    """What ``effect.differences`` may tell everybody: after 30 days, and of no small number.

    A row is left out where fewer than five cases of a side were closed by then, or fewer than five
    were not; ``suppressed`` says so, and only what is compared remains.
    """
    rows = differences.filter(pc.equal(differences["days"], PUBLIC_DAYS))
    hidden = [
        any(
            share is None or not SMALL <= round(share * cases) <= cases - SMALL
            for share, cases in (
                (row["closed"], row["cases"]),
                (row["against_closed"], row["cases_against"]),
            )
        )
        for row in rows.to_pylist()
    ]
    shown = pa.array([not one for one in hidden], pa.bool_())
    kept = {"compared", "arm", "against", "days"}
    columns = {
        name: rows[name] if name in kept else pc.if_else(shown, rows[name], None)
        for name in rows.column_names
    }
    return pa.table(columns | {"suppressed": pa.array(hidden, pa.bool_())})


def _total(table: pa.Table, columns: dict[str, pa.Array], out: Suppressed) -> pa.Table:
    """The last row: sums, and no rate, since hosts may be in several rows."""
    sums = {
        name: None if out.total else pc.sum(table[name]).as_py()
        for name in ("open", "answering", "addresses")
        if name in table.column_names
    }
    row = {**dict.fromkeys(columns), **sums, "total": True, "suppressed": out.total}
    return pa.Table.from_pylist([row], schema=pa.table(columns).schema)
