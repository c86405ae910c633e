"""Findings lie in the order of their addresses, however many there are, whoever read them."""

from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from survey.analysis.findings import Material, write_findings
from survey.storage.layout import Layout
from survey.storage.schemas import OBSERVATIONS
from survey.targets.ranges import RangeSet
from tests.benchmarks.exposure import OBSERVED, fill

ROWS = 122_880 + 5_000
"""More than one thread of DuckDB takes at once from a table in memory."""


def test_row_groups_follow_one_another(tmp_path: Path) -> None:
    """No two hold the same address, so one address is one row group of each run."""
    layout = Layout(tmp_path / "data")
    run = layout.run("many", "2026-W48")
    run.root.mkdir(parents=True)
    made = {
        **OBSERVED,
        "ip": f"(16777216 + (i * 7919) % {ROWS} * 300)::UINTEGER",
        "variant": "'echo'",
        "token": "''",
        "nonce": "''",
    }
    with duckdb.connect() as connection:
        fill(connection, OBSERVATIONS, made, f"range({ROWS}) AS t(i)", run.observations)
    write_findings(
        layout,
        Material("many", "2026-W48", (run.observations,), (), RangeSet.of(()), 0),
    )
    metadata = pq.read_metadata(run.findings)
    at = metadata.schema.names.index("ip")
    groups = [
        metadata.row_group(one).column(at).statistics for one in range(metadata.num_row_groups)
    ]
    edges = [edge for one in groups for edge in (one.min, one.max)]
    ips = pq.read_table(run.findings, columns=["ip"])["ip"].to_pylist()
    assert len(ips) == ROWS
    assert ips == sorted(ips)
    assert edges == sorted(edges)
    assert len(groups) > 5
