"""The command itself: help, exit codes, one line per error."""

import importlib
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from survey.cli.main import COMMANDS, main


def run(*arguments: object) -> Result:
    """The outcome of one command."""
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def commands() -> list[str]:
    """Every command with its whole name, groups opened."""
    found = []
    for name, (module, _) in COMMANDS.items():
        command = getattr(importlib.import_module(f"survey.cli.{module}"), name)
        parts = command.commands if isinstance(command, click.Group) else ()
        found += [f"{name} {part}" for part in parts] or [name]
    return found


@pytest.mark.parametrize("name", commands())
def test_every_command_shows_its_help(name: str) -> None:
    """Asking a command for help loads it and does nothing else."""
    assert run(*name.split(), "--help").exit_code == 0


def test_help_lists_the_commands_in_the_order_of_the_work() -> None:
    """The list is the one of the module, each with its one line."""
    output = run("--help").output

    places = [output.index(f"  {name} ") for name in COMMANDS]
    assert places == sorted(places)


def test_an_unknown_command_is_wrong_usage() -> None:
    """Exit code 2."""
    assert run("scna").exit_code == 2


def test_a_wrong_campaign_is_one_line_and_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The line names file, key and cure, and nothing is left behind."""
    campaign = tmp_path / "campaign.toml"
    campaign.write_text('[campaign]\nid = "x"\npurpose = "p"\nkind = "labb"\n')

    outcome = run("--data", tmp_path / "data", "scan", campaign)

    assert outcome.exit_code == 2
    line = outcome.output + capsys.readouterr().err
    assert line.count("\n") == 1
    assert "campaign.toml: campaign.kind" in line
    assert [path.name for path in tmp_path.iterdir()] == ["campaign.toml"]


def test_a_missing_opt_out_log_is_one_line(tmp_path: Path) -> None:
    """Checking an address against no log fails, since silence would read as 'not opted out'."""
    outcome = run("optout", "check", "192.0.2.1", "--log", tmp_path / "none.log")

    assert outcome.exit_code == 1


def test_optout_round_trip(tmp_path: Path) -> None:
    """What is added is listed and found; a second init refuses."""
    log = tmp_path / "optouts.log"

    assert run("optout", "init", "--log", log).exit_code == 0
    assert run("optout", "init", "--log", log).exit_code == 2
    assert run("optout", "add", "192.0.2.0/24", "--by", "noc", "--log", log).exit_code == 0
    assert '"opted_out": true' in run("optout", "check", "192.0.2.9", "--json", "--log", log).stdout
    assert (
        '"opted_out": false'
        in run("optout", "check", "198.51.100.9", "--json", "--log", log).stdout
    )
    assert run("optout", "add", "192.0.2.0/99", "--by", "noc", "--log", log).exit_code == 2


def test_the_key_is_made_once_and_private(tmp_path: Path) -> None:
    """A second init keeps it."""
    run("--keys", tmp_path, "keys", "init")
    first = (tmp_path / "token.key").read_text()
    run("--keys", tmp_path, "keys", "init")

    assert (tmp_path / "token.key").read_text() == first
    assert (tmp_path / "token.key").stat().st_mode & 0o777 == 0o600
