"""A campaign's exposure over time as it may be published: one cut, small cells suppressed in each.

By country and for relays and proxies together, and nothing else: what one cut hides, a second one
of the same hosts could tell (docs/exposure.md).
"""

from collections.abc import Iterable

import pyarrow as pa

from survey.analysis.dictionary import MEANINGS
from survey.analysis.exposure import Asked, Exposure
from survey.analysis.suppression import publishable
from survey.model.exposure import By, Weakness
from survey.model.plan import Plan

_OWN = {
    "total": "true in the row of all countries together",
    "suppressed": "true where figures are left out, since they are small or would tell a small one",
}
_TEXT, _COUNT, _RATE = pa.string(), pa.int64(), pa.float64()
_COLUMNS: dict[str, pa.DataType] = {
    "period": _TEXT,
    "began": pa.timestamp("us", tz="UTC"),
    "country": _TEXT,
    "total": pa.bool_(),
    "suppressed": pa.bool_(),
    "open": _COUNT,
    "answering": _COUNT,
    "addresses": _COUNT,
    "people": _COUNT,
    "per_100k_answering": _RATE,
    "per_100k_low": _RATE,
    "per_100k_high": _RATE,
    "per_million_addresses": _RATE,
    "per_million_people": _RATE,
    "rank": _COUNT,
}
GRAIN = "one per period and country, and one for all countries together"

SCHEMA = pa.schema(
    [
        pa.field(name, kind, metadata={"doc": _OWN.get(name) or MEANINGS[name]})
        for name, kind in _COLUMNS.items()
    ],
    metadata={"grain": GRAIN},
)


def published(exposure: Exposure, periods: Iterable[tuple[str, object, Plan]]) -> pa.Table:
    """All periods (name, began, the plan that stands for it) under one another.

    Each column's meaning is its field's ``doc``.
    """
    tables = []
    for name, began, plan in periods:
        table = publishable(exposure.of_run(Asked(By.COUNTRY, Weakness.ANY), plan), By.COUNTRY)
        rows = table.num_rows
        table = table.append_column("period", pa.array([name] * rows))
        table = table.append_column("began", pa.array([began] * rows))
        tables.append(table.select(list(_COLUMNS)).cast(SCHEMA))
    return pa.concat_tables(tables) if tables else SCHEMA.empty_table()
