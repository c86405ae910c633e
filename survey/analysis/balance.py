"""What became of the open servers in each period: new, regressed, fixed, lost, and who stayed.

``open_at_end = open_at_start + new + regressed - fixed - lost`` in every row; that is checked
whenever a balance is made, since it is what a reader would check first.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import pairwise

import pyarrow as pa

from survey.analysis.database import Connection, hold
from survey.analysis.queries import query
from survey.model.episode import Part, Span
from survey.storage.schemas import UTC as UTC_TYPE

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)

Stretch = tuple[str, datetime, datetime]
"""Name, since (not included), until (included)."""


def spans(
    kind: Span, ends: Sequence[tuple[str, datetime]], as_of: datetime | None
) -> Iterator[Stretch]:
    """The periods from the first run to now, oldest first.

    Args:
        kind: How long they are.
        ends: Each done run and when it ended, oldest first.
        as_of: The last moment that counts.
    """
    if not ends or as_of is None:
        return
    if kind is Span.RUN:
        yield ends[0][0], BEGINNING, ends[0][1]
        for (_, since), (run, until) in pairwise(ends):
            yield run, since, until
        last, until = ends[-1]
        if as_of > until:
            yield f"since {last}", until, as_of
        return
    since = BEGINNING
    year, month = ends[0][1].year, ends[0][1].month
    while since < as_of:
        name = f"{year:04d}-{month:02d}"
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)  # noqa: PLR2004
        until = min(datetime(year, month, 1, tzinfo=UTC), as_of)
        yield name, since, until
        since = until


def balance(
    connection: Connection, stretches: Sequence[Stretch], part: Part, *, known: bool
) -> pa.Table:
    """One row per period and part; reads the view ``scope_episodes``.

    Args:
        connection: Where the view is.
        stretches: The periods.
        part: What is counted by.
        known: Date ends when they were known (the second negative check) instead of when they
            were (the first); then a period that is over never changes any more.
    """
    columns = zip(*stretches, strict=True) if stretches else ((), (), ())
    period, since, until = (list(column) for column in columns)
    connection.execute("DROP TABLE IF EXISTS spans")
    hold(
        connection,
        "spans",
        pa.table(
            {
                "period": pa.array(period, pa.string()),
                "since": pa.array(since, UTC_TYPE),
                "until": pa.array(until, UTC_TYPE),
            }
        ),
    )
    connection.execute(query("parts"))
    rows = connection.sql(
        query("balance"), params={"what": str(part), "known": known}
    ).to_arrow_table()
    for row in rows.to_pylist():
        came, went = row["new"] + row["regressed"], row["fixed"] + row["lost"]
        assert row["open_at_end"] == row["open_at_start"] + came - went, row
    return rows
