"""One Parquet table for analysts, each column with its meaning."""

import io
from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from survey.reports.feeds.about import SCHEMA_VERSION, About
from survey.reports.feeds.row import Row
from survey.reports.feeds.table import COLUMNS, cells

_TYPES = {
    "last_seen": pa.timestamp("us", tz="UTC"),
    "first_seen": pa.timestamp("us", tz="UTC"),
    "port": pa.uint16(),
    "asn": pa.uint32(),
    "confidence": pa.uint8(),
    "egress_elsewhere": pa.bool_(),
    "open_since": pa.timestamp("us", tz="UTC"),
    "days_open": pa.uint16(),
}
_SCHEMA = pa.schema(
    [pa.field(name, _TYPES.get(name, pa.string()), metadata={"doc": doc}) for name, doc in COLUMNS]
)


def parquet_files(about: About, rows: Sequence[Row]) -> Iterator[tuple[str, int, bytes]]:
    """The one table."""
    columns = list(zip(*map(cells, rows), strict=True)) or [()] * len(COLUMNS)
    table = pa.table(
        [pa.array(column, field.type) for column, field in zip(columns, _SCHEMA, strict=True)],
        schema=_SCHEMA.with_metadata(
            {
                "schema_version": SCHEMA_VERSION,
                "agency": about.agency.id,
                "campaign": about.campaign,
                "run": about.run,
                "tlp": about.agency.tlp,
            }
        ),
    )
    made = io.BytesIO()
    pq.write_table(table, made, compression="zstd")
    yield about.file("open_servers", "parquet"), len(rows), made.getvalue()
