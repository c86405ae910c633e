"""A table that can't be read is named, with what to do about it."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from judged_run import make_judged_run

import survey
from survey.cli.main import main
from survey.errors import StorageError
from survey.storage.damage import damaged_table
from survey.storage.layout import Layout

AGAIN = "take it away and run `survey findings CAMPAIGN.toml --run 2026-W48`, or put it back"


def cut(path: Path) -> None:
    """As a full disk or a broken copy would."""
    path.write_bytes(path.read_bytes()[:300])


@pytest.mark.parametrize("name", ["findings", "hosts"])
def test_damaged_table_is_one_line_with_file_and_cure(tmp_path: Path, name: str) -> None:
    """From a command and from a notebook; whichever library came upon it."""
    layout = make_judged_run(tmp_path).layout
    path = layout.run("trial", "2026-W48").root / f"{name}.parquet"
    cut(path)

    result = CliRunner().invoke(main, ["--data", str(layout.root), "exposure"])
    assert result.exit_code == 1
    assert f"{path}: can't be read" in result.stderr
    assert AGAIN in result.stderr
    assert len(result.stderr.splitlines()) == 1
    with pytest.raises(StorageError, match=rf"{name}\.parquet: can't be read"):
        survey.open(layout.root)


def test_other_errors_stay_what_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault of ours keeps its traceback."""
    layout = make_judged_run(tmp_path).layout
    for path in layout.run("trial", "2026-W48").shards.iterdir():
        path.unlink()  # only their names count in this run
    assert damaged_table(layout) is None

    def broken(*_: object) -> None:
        raise pa.ArrowInvalid("a fault of ours")

    monkeypatch.setattr("survey.analysis.notebook.stored_runs", broken)
    result = CliRunner().invoke(main, ["--data", str(layout.root), "exposure"])
    assert isinstance(result.exception, pa.ArrowInvalid)
    with pytest.raises(pa.ArrowInvalid):
        survey.open(layout.root)


@pytest.mark.parametrize(
    ("place", "cure"),
    [
        ("campaigns/c/episodes.parquet", "run `survey episodes CAMPAIGN.toml`"),
        ("campaigns/c/r/checks.parquet", "run `survey findings CAMPAIGN.toml --run r`"),
        ("campaigns/c/r/shards/shard-000001.parquet", "put it back from a backup"),
        ("registries/country/x/ranges.parquet", "run `survey registry import`"),
        ("arrivals/2026-11-24.parquet", "put it back from a backup"),
    ],
)
def test_cure_is_what_makes_the_table(tmp_path: Path, place: str, cure: str) -> None:
    """What is not made of other tables has to come from a backup."""
    whole, path = tmp_path / "campaigns/a/whole.parquet", tmp_path / place
    for one in (whole, path):
        one.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table({"x": range(100)}), one)
    assert damaged_table(Layout(tmp_path)) is None
    cut(path)
    found = damaged_table(Layout(tmp_path))
    assert found is not None
    assert str(found).startswith(f"{path}: can't be read (")
    assert cure in str(found)
