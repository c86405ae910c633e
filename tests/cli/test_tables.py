"""``survey exposure`` and ``survey sql`` as a person types them."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from made_data import CAMPAIGN, MadeData, arrived, seen

from survey.cli.main import main
from survey.flows.judge import judge
from survey.model.arrival import ArrivalKind
from survey.model.observation import Step

OCTOBER, NOVEMBER = datetime(2026, 10, 26, 9, tzinfo=UTC), datetime(2026, 11, 23, 9, tzinfo=UTC)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nothing open in October, two servers in Spain in November."""
    made = MadeData(tmp_path_factory.mktemp("tables"))
    made.scan([seen("192.0.2.1"), seen("192.0.2.2")], "2026-W44", OCTOBER)
    made.scan(
        [seen(f"192.0.2.{host}", step=Step.SENT, token=str(host)) for host in (1, 2)],
        "2026-W48",
        NOVEMBER,
    )
    made.arrive(arrived(ArrivalKind.MESSAGE, str(host)) for host in (1, 2))
    judge(made.settings, CAMPAIGN, "2026-W44")
    judge(made.settings, CAMPAIGN, "2026-W48")
    return made.layout.root


def run(data: Path, *arguments: str) -> Result:
    """The outcome of one command."""
    return CliRunner().invoke(main, ["--data", str(data), *arguments])


def rows(data: Path, *arguments: str) -> list[dict]:
    """What it prints as JSON."""
    outcome = run(data, *arguments, "--json")
    assert outcome.exit_code == 0, outcome.output
    return json.loads(outcome.stdout)


def test_which_networks_got_worse_since_last_month(data: Path) -> None:
    """The question of the README, in one line."""
    asked = ("exposure", "--changes", "--by", "network", "--country", "ES", "--limit", "1")
    (worst,) = rows(data, *asked)

    assert (worst["asn"], worst["change"]) == (64496, 2)
    assert (worst["previous_period"], worst["period"]) == ("2026-10", "2026-11")


def test_a_trend_has_a_row_for_each_period(data: Path) -> None:
    """Of each country."""
    found = rows(data, "exposure", "--trend", "--every", "week")

    assert [(row["period"], row["open"]) for row in found if row["country"] == "ES"] == [
        ("2026-W44", 0),
        ("2026-W48", 2),
    ]


def test_a_published_table_has_no_small_cell(data: Path) -> None:
    """Two servers are too few to be told."""
    assert all(row["open"] is None for row in rows(data, "exposure", "--public"))


def test_numbers_that_are_names_have_no_commas(data: Path) -> None:
    """AS 64496 is no quantity; a block is written as one."""
    assert "64496" in run(data, "exposure", "--by", "network").stdout
    assert "192.0.2.0/24" in run(data, "exposure", "--by", "block").stdout


def test_sources_are_named_with_the_figures(data: Path) -> None:
    """People only where their figures are."""
    assert "World Bank" in run(data, "exposure").stderr
    assert "World Bank" not in run(data, "exposure", "--by", "network").stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("exposure", "--changes", "--trend"),
        ("exposure", "--trend", "--run", "2026-W48"),
        ("exposure", "--period", "2026-11"),
        ("sql",),
        ("sql", "SELECT 1", "--tables"),
    ],
)
def test_options_that_exclude_each_other_are_wrong_usage(
    data: Path, arguments: tuple[str, ...]
) -> None:
    """Exit code 2."""
    assert run(data, *arguments).exit_code == 2


def test_a_month_without_another_is_one_line(data: Path) -> None:
    """With the cure."""
    outcome = run(data, "exposure", "--changes", "--period", "2026-10")

    assert outcome.exit_code == 2
    assert "judge an earlier run" in outcome.stderr


def test_sql_tells_of_tables_and_columns(data: Path) -> None:
    """Without any question, and without an audit line."""
    tables = {row["table"]: row for row in rows(data, "sql", "--tables")}
    columns = {row["column"] for row in rows(data, "sql", "--columns", "findings")}

    assert tables["findings"]["there"]
    assert "survey listings import" in tables["listings"]["made_by"]
    assert {"ip", "verdict", "rule"} <= columns


def test_limits_of_a_question(data: Path) -> None:
    """Memory, cores, rows and time, each given on the command line."""
    question = (
        "SELECT current_setting('memory_limit') AS memory, current_setting('threads') AS cores"
    )
    assert rows(data, "sql", question, "--memory", "200MB", "--threads", "1") == [
        {"memory": "190.7 MiB", "cores": 1}
    ]
    outcome = run(data, "sql", "FROM range(10)", "--rows", "3")
    assert "cut after 3 rows" in outcome.stderr
    slow = "SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE a.range <> b.range"
    outcome = run(data, "sql", slow, "--seconds", "0.2")
    assert (outcome.exit_code, "takes longer" in outcome.stderr) == (2, True)
