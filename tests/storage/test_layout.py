"""Paths are where the layout says, and shards have one kind of name."""

from pathlib import Path

import pytest

from survey.storage.layout import SHARD_NAME, Layout


def test_everything_of_a_run_lies_in_its_folder() -> None:
    """Removing a run's folder removes the run."""
    run = Layout(Path("/data")).run("night", "2026-W48")

    assert run.root == Path("/data/campaigns/night/2026-W48")
    paths = [run.plan, run.wishes, run.status, run.handouts, run.manifest, run.done]
    assert all(path.parent == run.root for path in paths)
    assert len({*paths}) == len(paths)


def test_shard_file_bears_its_index() -> None:
    """The name gives the index back."""
    path = Layout(Path("/data")).run("night", "2026-W48").shard(123)

    match = SHARD_NAME.match(path.name)

    assert match is not None
    assert int(match[1]) == 123


@pytest.mark.parametrize(
    "name",
    ["shard-1.parquet", "shard-000001.parquet.1a.part", ".shard-000001.parquet", "x.parquet"],
)
def test_other_names_are_no_shards(name: str) -> None:
    """Torn and foreign files don't match."""
    assert SHARD_NAME.match(name) is None
