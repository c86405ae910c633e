"""What remains of a run's verdicts when they have gone: counts, without an address."""

import pyarrow as pa
import pyarrow.parquet as pq

from survey.storage.files import replacing
from survey.storage.layout import RunLayout
from survey.storage.schemas import COUNTS

_KEYS = [name for name in COUNTS.names if name not in {"counted", "count"}]


def write_counts(run: RunLayout) -> None:
    """Count a run's findings and hosts and keep the counts; once, before the rows go.

    Raises:
        StorageError: There is no room.
    """
    if run.counts.exists() or not run.findings.is_file():
        return
    parts = [_counted("findings", pq.read_table(run.findings))]
    if run.hosts.is_file():
        parts.append(_counted("hosts", pq.read_table(run.hosts)))
    with replacing(run.counts) as part:
        pq.write_table(pa.concat_tables(parts), part, compression="zstd")


def _counted(what: str, table: pa.Table) -> pa.Table:
    columns = {
        field.name: (
            table[field.name].cast(field.type)
            if field.name in table.column_names
            else pa.nulls(table.num_rows, field.type)
        )
        for field in COUNTS
        if field.name in _KEYS
    }
    grouped = pa.table(columns).group_by(_KEYS).aggregate([([], "count_all")])
    grouped = grouped.sort_by([(name, "ascending") for name in _KEYS])
    named = {name: grouped[name] for name in _KEYS}
    named["counted"] = pa.array([what] * grouped.num_rows, pa.string())
    named["count"] = grouped["count_all"].cast(pa.uint64())
    return pa.Table.from_pydict({name: named[name] for name in COUNTS.names}, schema=COUNTS)
