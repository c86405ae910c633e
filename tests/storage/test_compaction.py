"""A done run's observations in one sorted file, as complete as its shards."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest
from made_data import CAMPAIGN, RUN, MadeData, seen

from survey.errors import StorageError
from survey.model.observation import Step
from survey.model.probe import Probe
from survey.storage.compaction import compact, observation_files
from survey.storage.layout import RunLayout
from survey.storage.schemas import OBSERVATIONS

SCANNED = [
    seen(f"192.0.2.{host}", probe, step=Step.SPOKE, reply=bytes([host]), code=None)
    for host in range(1, 40)
    for probe in (Probe.SOCKS5, Probe.SMTP_RELAY)
]


@pytest.fixture
def run(tmp_path: Path) -> RunLayout:
    """A done run of two shards."""
    made = MadeData(tmp_path)
    made.scan(SCANNED)
    return made.layout.run(CAMPAIGN, RUN)


def test_compacted_file_holds_every_row_sorted_by_address(run: RunLayout) -> None:
    """The same rows, in key order, in the documented schema, with nothing left behind."""
    shards = [row for path in observation_files(run) for row in pq.read_table(path).to_pylist()]
    assert compact(run)
    table = pq.read_table(run.observations)

    assert table.schema.equals(OBSERVATIONS)
    assert table.to_pylist() == sorted(shards, key=lambda row: (row["ip"], row["port"]))
    assert not list(run.root.glob("scratch-*"))
    assert not list(run.root.glob("*.part"))


def test_readers_take_the_compacted_file_once_it_is_there(run: RunLayout) -> None:
    """Before, the shards of the manifest."""
    assert observation_files(run) == (run.shard(0), run.shard(1))
    compact(run)

    assert observation_files(run) == (run.observations,)


def test_compacting_again_does_nothing(run: RunLayout) -> None:
    """The file is whole already."""
    assert compact(run)
    before = run.observations.stat().st_mtime_ns

    assert not compact(run)
    assert run.observations.stat().st_mtime_ns == before


def test_damaged_compacted_file_is_passed_over_and_made_anew(run: RunLayout) -> None:
    """The shards are the truth."""
    run.observations.write_bytes(b"PAR1 cut off")
    assert observation_files(run) == (run.shard(0), run.shard(1))

    assert compact(run)
    assert observation_files(run) == (run.observations,)


def test_run_without_an_observation_is_compacted(tmp_path: Path) -> None:
    """An empty table is a table."""
    made = MadeData(tmp_path)
    made.scan(())
    run = made.layout.run(CAMPAIGN, RUN)
    compact(run)

    assert pq.read_table(run.observations).num_rows == 0


def test_unfinished_run_is_refused(run: RunLayout) -> None:
    """Its shards are still coming."""
    run.done.unlink()

    with pytest.raises(StorageError, match="is not done"):
        compact(run)
    assert not run.observations.exists()


def test_damaged_shard_is_named(run: RunLayout) -> None:
    """Nothing is written, and the reason is one line."""
    run.shard(1).write_bytes(b"torn")

    with pytest.raises(StorageError) as refusal:
        compact(run)
    assert "shard-000001" in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert not run.observations.exists()
