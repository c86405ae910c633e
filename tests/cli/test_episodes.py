"""``survey lab history`` and ``survey episodes``, as a person types them."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from survey.cli.main import main


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A history of four weeks."""
    folder = tmp_path_factory.mktemp("history") / "made"
    sizes = ("--weeks", "4", "--servers", "40", "--crowd", "30", "--ranges", "20")
    done = CliRunner().invoke(
        main, ["lab", "history", "--folder", str(folder), "--networks", "6", *sizes]
    )
    assert done.exit_code == 0, done.output
    assert "4 runs" in done.stderr
    return folder


def episodes(made: Path, *options: str) -> Result:
    """What the command says."""
    arguments = ["--data", str(made / "data"), "episodes", str(made / "campaign.toml"), *options]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, done.output
    return done


def test_the_balance_of_each_run_is_shown(made: Path) -> None:
    """As a table with the summary beside it, and as JSON in which it adds up."""
    shown = episodes(made)
    assert "2026-W02" in shown.stdout
    assert "new" in shown.stderr
    rows = json.loads(episodes(made, "--json", "--by", "network", "--known").stdout)
    assert {row["period"] for row in rows} >= {"2026-W02", "2026-W05"}
    for row in rows:
        came, gone = row["new"] + row["regressed"], row["fixed"] + row["lost"]
        assert row["open_at_end"] == row["open_at_start"] + came - gone


def test_closure_churn_and_the_list_are_shown(made: Path) -> None:
    """The list names hosts, and leaves an audit line."""
    (row,) = json.loads(episodes(made, "--show", "closure", "--json").stdout)
    assert row["episodes"] > 0
    assert json.loads(episodes(made, "--show", "churn", "--json").stdout) == []
    listed = json.loads(episodes(made, "--show", "list", "--json").stdout)
    assert len(listed) == row["episodes"]
    assert listed[0]["address"].startswith("127.")
    assert '"episodes"' in (made / "data" / "audit.log").read_text()


def test_a_folder_that_holds_something_is_refused(made: Path) -> None:
    """One line, exit code 2."""
    done = CliRunner().invoke(main, ["lab", "history", "--folder", str(made)])
    assert done.exit_code == 2
    assert "is not empty" in done.stderr
