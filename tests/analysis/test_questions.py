"""What may be asked in free SQL, and how much of the machine a question may use."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from made_data import CAMPAIGN, RUN, MadeData, arrived, seen

import survey
from survey.analysis.notebook import Survey
from survey.errors import ConfigError
from survey.flows.judge import judge
from survey.model.arrival import ArrivalKind
from survey.model.observation import Step


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> MadeData:
    """A judged run."""
    data = MadeData(tmp_path_factory.mktemp("questions"))
    data.scan([seen("192.0.2.1", step=Step.SENT, token="a"), seen("192.0.2.2")])
    data.arrive([arrived(ArrivalKind.MESSAGE, "a")])
    judge(data.settings, CAMPAIGN, RUN)
    return data


@pytest.fixture(scope="module")
def opened(made: MadeData) -> Iterator[Survey]:
    """It, opened."""
    with survey.open(made.layout.root) as notebook:
        yield notebook


def ask(opened: Survey, question: str, seconds: float = 30) -> list[dict]:
    """The answer's rows."""
    return opened.table(question, rows=1000, seconds=seconds).to_pylist()


@pytest.mark.parametrize(
    "question",
    [
        "WITH gone AS (DELETE FROM optout_ranges RETURNING *) SELECT * FROM gone",
        "WITH more AS (INSERT INTO runs SELECT * FROM runs RETURNING *) SELECT * FROM more",
        "WITH out AS (COPY findings TO '{file}') SELECT * FROM out",
        "SELECT (SELECT max(x) FROM (WITH gone AS (DELETE FROM runs RETURNING 1 AS x) FROM gone))",
        "EXPLAIN ANALYZE COPY (SELECT 1) TO '{file}'",
        "EXPLAIN ANALYZE DELETE FROM runs",
        "explain (analyze) COPY (SELECT 1) TO '{file}'",
    ],
)
def test_what_writes_in_the_guise_of_reading_is_refused(
    made: MadeData, opened: Survey, question: str
) -> None:
    """DuckDB calls each of these a SELECT or an EXPLAIN, and would carry it out."""
    findings = made.layout.run(CAMPAIGN, RUN).findings
    before = findings.read_bytes()

    with pytest.raises(ConfigError, match=r"^query: "):
        opened.sql(question.replace("{file}", str(findings)))
    assert findings.read_bytes() == before


@pytest.mark.parametrize(
    "question",
    [
        "FROM stored.findings",
        "SELECT (SELECT count(*) FROM stored.findings)",
        "DESCRIBE stored.findings",
        "FROM memory.stored.findings",
        "FROM optout_ranges",
        "FROM read_parquet('{file}')",
        "FROM '{file}'",
        "FROM query('FROM stored.findings')",
        "FROM query_table('stored.findings')",
        "FROM parquet_metadata('{file}')",
    ],
)
def test_the_tables_behind_the_views_are_out_of_reach(
    made: MadeData, opened: Survey, question: str
) -> None:
    """In them, addresses that have opted out would still be seen."""
    with pytest.raises(ConfigError, match=r"^query: "):
        ask(opened, question.replace("{file}", str(made.layout.run(CAMPAIGN, RUN).findings)))


@pytest.mark.parametrize(
    "question",
    [
        "EXPLAIN ANALYZE SELECT * FROM findings",
        "DESCRIBE findings",
        "SUMMARIZE hosts",
        "SHOW TABLES",
        "FROM findings WHERE verdict = 'open'",
        "WITH RECURSIVE n AS (SELECT 1 AS a UNION ALL SELECT a + 1 FROM n WHERE a < 3) FROM n",
        "FROM hosts TABLESAMPLE 100%",
        "SELECT f.ip, n.asn FROM findings f ASOF JOIN networks n ON f.ip >= n.range_start",
        "FROM range(3) UNION ALL VALUES (7)",
    ],
)
def test_whatever_only_reads_is_answered(opened: Survey, question: str) -> None:
    """All of SELECT, and looking at plans and columns."""
    assert ask(opened, question)


def test_memory_is_limited(made: MadeData) -> None:
    """A question that needs more, and can't put it on the disk, fails with one line."""
    greedy = "SELECT length(string_agg(i || repeat('x', 1000), '')) FROM range(1000000) t(i)"
    with (
        survey.open(made.layout.root, memory="100MB") as opened,
        pytest.raises(ConfigError, match=r"^query: Out of Memory") as failed,
    ):
        ask(opened, greedy)
    assert "\n" not in str(failed.value)


def test_threads_are_limited(made: MadeData) -> None:
    """As many as are given."""
    with survey.open(made.layout.root, threads=1) as opened:
        (row,) = ask(opened, "SELECT current_setting('threads') AS threads")
    assert row == {"threads": 1}


def test_an_unreadable_limit_is_one_line(made: MadeData) -> None:
    """The cure is in it."""
    with pytest.raises(ConfigError, match="1GB"):
        survey.open(made.layout.root, memory="much")


@pytest.mark.parametrize(
    "setting", ["SET memory_limit = '10GB'", "RESET threads", "PRAGMA version"]
)
def test_no_limit_can_be_changed(opened: Survey, setting: str) -> None:
    """Not from a question."""
    with pytest.raises(ConfigError, match=r"^query: "):
        opened.sql(setting)


def test_settings_are_locked_even_without_the_check_of_questions(opened: Survey) -> None:
    """The second wall, should the first have a hole."""
    for statement in (
        "SET memory_limit = '10GB'",
        "SET enable_external_access = true",
        "INSTALL httpfs",
        "LOAD httpfs",
        "COPY (SELECT 1) TO '/tmp/never.csv'",
        "ATTACH '/tmp/never.db'",
        "SELECT * FROM read_csv('/etc/passwd')",
    ):
        with pytest.raises(duckdb.Error):
            opened._connection.execute(statement)


def test_nothing_is_fetched(opened: Survey) -> None:
    """A URL opens no connection, past the check of questions neither."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        calls = []

        def listen() -> None:
            try:
                calls.append(server.accept())
            except TimeoutError:
                return

        listener = threading.Thread(target=listen)
        listener.start()
        question = f"FROM read_csv('http://127.0.0.1:{server.getsockname()[1]}/x.csv')"
        with pytest.raises(ConfigError, match=r"^query: "):
            ask(opened, question)
        with pytest.raises(duckdb.Error):
            opened._connection.execute(question)
        listener.join()
    assert not calls


def test_a_table_that_is_not_there_yet_names_the_command(tmp_path: Path) -> None:
    """An empty answer would look like good news."""
    data = MadeData(tmp_path)
    with survey.open(data.layout.root) as opened:
        for table, command in (
            ("runs", "survey plan"),
            ("observations", "survey scan"),
            ("findings", "survey findings"),
            ("exposure_by_network", "survey findings"),
            ("registrations", "survey registry import registration"),
            ("listings", "survey listings import"),
        ):
            with pytest.raises(ConfigError, match=f"{table} is not there yet; .*{command}"):
                opened.sql(f"SELECT count(*) FROM {table}")  # noqa: S608 - ours
        for call in (opened.findings, opened.listed, opened.exposure, opened.changes):
            with pytest.raises(ConfigError, match="survey findings"):
                call()
        with pytest.raises(ConfigError, match="survey findings"):
            opened.history("192.0.2.1")
        there = {row["table"]: row["there"] for row in opened.tables().to_arrow_table().to_pylist()}
        assert (there["countries"], there["findings"]) == (True, False)


def test_history_of_an_address(opened: Survey, made: MadeData) -> None:
    """Every run's findings on it, and an audit line; a word that is no address is one line."""
    rows = opened.history("192.0.2.1").to_arrow_table().to_pylist()

    assert [(row["run"], row["port"], row["verdict"]) for row in rows] == [(RUN, 25, "open")]
    assert '"history"' in made.layout.audit.read_text().splitlines()[-1]
    with pytest.raises(ConfigError, match="no address"):
        opened.history("192.0.2")
