"""``survey purge`` and ``survey optout add --erase``, as a person types them."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from everything import GONE, copied, found_in, make_everything
from made_data import CAMPAIGN, MadeData

from survey.cli.main import main
from survey.model.retention import Retention
from survey.storage.retention import note_retention


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> MadeData:
    """A data directory with everything in it, whose campaign said how long."""
    made = make_everything(tmp_path_factory.mktemp("everything"))
    note_retention(made.layout, CAMPAIGN, Retention())
    return made


@pytest.fixture
def made(made_once: MadeData, tmp_path: Path) -> MadeData:
    """A copy of its own."""
    return copied(made_once, tmp_path)


def survey(made: MadeData, *words: str) -> Result:
    """What the command says."""
    return CliRunner().invoke(main, ["--data", str(made.layout.root), *words])


def test_dry_run_says_what_would_go_and_where(made: MadeData) -> None:
    """Table, reason, file, rows, and the periods; no address, and nothing is touched."""
    told = survey(made, "purge", "--erase", GONE)

    assert told.exit_code == 0
    assert "observations" in told.stdout
    assert "nothing was touched" in told.stderr
    assert "evidence 90, observations 365" in told.stderr
    assert GONE not in told.output
    assert found_in(made.layout.root, GONE)


def test_with_yes_it_is_done(made: MadeData) -> None:
    """And a second time there is nothing left to do."""
    assert survey(made, "purge", "--erase", GONE, "--yes", "--json").exit_code == 0
    again = json.loads(survey(made, "purge", "--erase", GONE, "--json").stdout)

    assert found_in(made.layout.root, GONE) == set()
    assert again["removals"] == []
    assert again["strangers"] == []


def test_opting_out_with_erase_forgets_at_once(made: MadeData, tmp_path: Path) -> None:
    """The wish stands in the log, for every later purge."""
    log = tmp_path / "optouts.log"
    assert survey(made, "optout", "init", "--log", str(log)).exit_code == 0
    done = survey(made, "optout", "add", GONE, "--by", "its operator", "--erase", "--log", str(log))

    assert done.exit_code == 0, done.output
    assert found_in(made.layout.root, GONE) == set()
    assert '"erase": true' in log.read_text()
    listed = json.loads(survey(made, "optout", "list", "--log", str(log), "--json").stdout)
    assert [entry["erase"] for entry in listed] == [True]


def test_wrong_prefix_is_one_line(made: MadeData) -> None:
    """Exit code 2, and nothing is touched."""
    told = survey(made, "purge", "--erase", "192.0.2.1/24", "--yes")

    assert told.exit_code == 2
    assert told.stderr.count("\n") == 1
    assert found_in(made.layout.root, GONE)


def test_missing_data_directory_is_named(tmp_path: Path) -> None:
    """Nobody thinks that all is well."""
    told = CliRunner().invoke(main, ["--data", str(tmp_path / "none"), "purge"])

    assert told.exit_code == 2
    assert "no such data directory" in told.stderr
