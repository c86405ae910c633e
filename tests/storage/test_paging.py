"""Findings lie in small pages, numbers as differences; purged ones, too; other tables as ever."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from survey.storage.paging import PAGE_ROWS, paging
from survey.storage.rewriting import rewrite, without_bytes
from survey.storage.schemas import FINDINGS, HOSTS, OBSERVATIONS

ROWS = 3 * PAGE_ROWS
DELTA = "DELTA_BINARY_PACKED"


@pytest.fixture
def findings() -> pa.Table:
    """As many as fill some pages."""
    began = datetime(2026, 11, 24, 6, tzinfo=UTC)
    blank = {field.name: None if field.nullable else _empty(field.type) for field in FINDINGS}
    rows = [
        {
            **blank,
            "ip": 3221225472 + 7 * at,
            "first_seen": began + timedelta(seconds=at * 37 % 1001),
            "last_seen": began + timedelta(seconds=at * 37 % 1001 + 5),
            "flags": ["flaky"] if at % 90 == 0 else [],
            "reply": b"250 ok",
        }
        for at in range(ROWS)
    ]
    return pa.Table.from_pylist(rows, schema=FINDINGS)


def _empty(kind: pa.DataType) -> object:
    if pa.types.is_string(kind):
        return ""
    if pa.types.is_list(kind):
        return []
    return b"" if pa.types.is_binary(kind) else 0


def _encodings(path: Path) -> dict[str, tuple[str, ...]]:
    group = pq.read_metadata(path).row_group(0)
    columns = map(group.column, range(group.num_columns))
    return {column.path_in_schema: column.encodings for column in columns}


def test_findings_are_read_as_they_were_written(tmp_path: Path, findings: pa.Table) -> None:
    """By everything that reads them: arrow, DuckDB, polars; and they are smaller."""
    path, plain = tmp_path / "findings.parquet", tmp_path / "plain.parquet"
    pq.write_table(findings, path, compression="zstd", **paging(FINDINGS))
    pq.write_table(findings, plain, compression="zstd")

    assert pq.read_table(path).equals(findings)
    assert pl.read_parquet(path)["ip"].to_list() == findings["ip"].to_pylist()
    asked = f"SELECT ip, flags FROM '{path}' WHERE ip = {3221225472 + 7 * 90}"  # noqa: S608
    assert duckdb.sql(asked).fetchall() == [(3221225472 + 7 * 90, ["flaky"])]
    assert path.stat().st_size < plain.stat().st_size / 2


def test_numbers_are_differences_and_words_a_dictionary(tmp_path: Path, findings: pa.Table) -> None:
    """What repeats is worth a dictionary; flags inside their lists, too."""
    path = tmp_path / "findings.parquet"
    pq.write_table(findings, path, compression="zstd", **paging(FINDINGS))
    encodings = _encodings(path)

    for name in ("ip", "first_seen", "last_seen"):
        assert DELTA in encodings[name]
    for name in ("verdict", "flags.list.element", "asn"):
        assert "RLE_DICTIONARY" in encodings[name]


def test_purged_findings_stay_so(tmp_path: Path, findings: pa.Table) -> None:
    """Their bytes go after a while, and one address is asked for as before."""
    path = tmp_path / "findings.parquet"
    pq.write_table(findings, path, compression="zstd", **paging(FINDINGS))
    rewrite(path, without_bytes("reply", "banner"))

    assert DELTA in _encodings(path)["ip"]
    assert set(pq.read_table(path, columns=["reply"])["reply"].to_pylist()) == {b""}


def test_other_tables_are_left_alone() -> None:
    """They are read whole."""
    assert paging(HOSTS) == paging(OBSERVATIONS) == {}
