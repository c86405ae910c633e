"""``survey effect``, as a person types it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from survey.cli.main import main


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A history of eight weeks, with letters in the last four."""
    folder = tmp_path_factory.mktemp("history") / "made"
    sizes = ("--weeks", "8", "--servers", "200", "--crowd", "10", "--ranges", "40")
    done = CliRunner().invoke(
        main, ["lab", "history", "--folder", str(folder), "--networks", "12", *sizes]
    )
    assert done.exit_code == 0, done.output
    return folder


def effect(folder: Path, *options: str) -> Result:
    """What the command says."""
    arguments = ["--data", str(folder / "data"), "effect", str(folder / "campaign.toml"), *options]
    return CliRunner().invoke(main, arguments)


def test_letters_and_differences_are_shown(made: Path) -> None:
    """Two tables: what became of the letters, and what they did."""
    done = effect(made)
    assert done.exit_code == 0, done.output
    arms, shares = done.stdout.split("\n\n", 1)
    assert arms.split("\n", 1)[0].split() == [
        *("compared", "arm", "drawn", "sent", "delivered", "bounced"),
        *("cases", "exposures", "closed"),
    ]
    assert "held_out" in arms
    assert "difference_low" in shares


def test_json_has_both_for_each_agency(made: Path) -> None:
    """An agency's cases are among all."""
    every = json.loads(effect(made, "--json").stdout)
    mine = json.loads(effect(made, "--json", "--agency", "es-ejemplar").stdout)
    drawn = [
        next(row["drawn"] for row in said["arms"] if row["arm"] == "told") for said in (every, mine)
    ]
    assert drawn[0] > drawn[1] > 0
    assert {row["days"] for row in every["differences"]} == {7, 14, 30, 90}


def test_what_is_published_has_no_counts_of_letters(made: Path) -> None:
    """After 30 days only; small cells are empty."""
    said = json.loads(effect(made, "--json", "--public").stdout)
    assert said.keys() == {"differences"}
    assert {row["days"] for row in said["differences"]} == {30}
    assert all((row["closed"] is None) is row["suppressed"] for row in said["differences"])


def test_where_nobody_was_written_to_it_says_so(made: Path, tmp_path: Path) -> None:
    """One line, and nothing that looks like an effect of none."""
    assert "no case was drawn by lot" in effect(made, "--agency", "nobody").stderr
    (made / "data" / "campaigns" / "history" / "told.parquet").rename(tmp_path / "told")
    done = effect(made)
    assert done.exit_code == 2
    assert "nobody was written to yet" in done.stderr
