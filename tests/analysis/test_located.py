"""Look-ups of addresses in several snapshots at once."""

from datetime import date
from pathlib import Path

from survey.analysis.database import connect, hold
from survey.analysis.located import no_registries, prepare
from survey.analysis.queries import query
from survey.storage.layout import Layout
from survey.storage.schemas import OBSERVATIONS


def test_ranges_are_never_looked_up_one_by_one(tmp_path: Path) -> None:
    """Behind a DISTINCT, DuckDB takes the left side for small; a nested loop takes hours."""
    with connect(Layout(tmp_path)) as connection:
        hold(connection, "observations", OBSERVATIONS.empty_table())
        prepare(connection, no_registries)
        connection.execute(
            "INSERT INTO vintages SELECT $day, NULL, 0, NULL, 0, NULL, 0, NULL, 0",
            {"day": date(2026, 11, 23)},
        )
        for kind in ("country", "network", "registration"):
            connection.execute(
                f"INSERT INTO {kind}_ranges BY NAME "  # noqa: S608 - words of ours
                "SELECT i * 4096 AS range_start, i * 4096 + 4095 AS range_end FROM range(9999) t(i)"
            )
        connection.execute(
            "CREATE TABLE judged AS SELECT i::UINTEGER AS ip, "
            "TIMESTAMPTZ '2026-11-23 00:00:00+00' + to_seconds(i) AS last_seen "
            "FROM range(9999) t(i)"
        )
        plan = connection.execute("EXPLAIN " + query("located")).fetchall()[0][1]
        connection.execute(query("located"))
        found = connection.execute("SELECT count(*) FROM located").fetchall()

    assert "Nested Loop" not in plan
    assert plan.lower().count("asof join") >= 3
    assert found == [(9999,)]
