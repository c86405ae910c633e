"""Readers take the manifest; the coordinator takes the files themselves."""

from collections.abc import Callable
from pathlib import Path

import pytest

from survey.errors import StorageError
from survey.model.assignment import Receipt
from survey.storage.layout import RunLayout
from survey.storage.manifest import committed, read_manifest, write_manifest
from survey.storage.schemas import RECEIPTS
from survey.storage.shard_file import rows, write_shard

Make = Callable[..., Receipt]


@pytest.fixture
def run(tmp_path: Path, make_receipt: Make) -> RunLayout:
    """A run with shards 0 and 2 committed, and no manifest."""
    layout = RunLayout(tmp_path / "run")
    for shard in (2, 0):
        write_shard(layout.shard(shard), rows("2026-W48", shard, []), make_receipt(shard=shard))
    return layout


def test_no_manifest_means_no_shards(run: RunLayout) -> None:
    """Files that the coordinator has not written down are not read."""
    assert read_manifest(run).shards == ()


def test_manifest_names_files_and_receipts_in_order(
    run: RunLayout, make_receipt: Make, plan_hash: str
) -> None:
    """What is written is what is committed, by shard."""
    write_manifest(run, committed(run, plan_hash).values())

    manifest = read_manifest(run)

    assert manifest.files() == (run.shard(0), run.shard(2))
    assert manifest.receipts() == (make_receipt(shard=0), make_receipt(shard=2))
    table = manifest.receipts_table()
    assert table.schema.equals(RECEIPTS)
    assert table.column("shard").to_pylist() == [0, 2]


def test_torn_and_foreign_files_are_passed_over(run: RunLayout, plan_hash: str) -> None:
    """Only names that a shard can have are looked at."""
    (run.shards / "shard-000001.parquet.0a1b2c.part").write_bytes(b"torn")
    (run.shards / "notes.parquet").write_bytes(b"not ours")

    assert sorted(committed(run, plan_hash)) == [0, 2]


def test_files_are_the_truth_when_the_manifest_is_behind_or_damaged(
    run: RunLayout, make_receipt: Make, plan_hash: str
) -> None:
    """A coordinator killed between a shard and its manifest loses nothing."""
    write_manifest(run, [make_receipt(shard=0)])
    assert sorted(committed(run, plan_hash)) == [0, 2]

    run.manifest.write_text("{")
    assert sorted(committed(run, plan_hash)) == [0, 2]
    with pytest.raises(StorageError, match="manifest"):
        read_manifest(run)


def test_shard_of_another_plan_is_refused(run: RunLayout) -> None:
    """Shards of two plans never mix."""
    with pytest.raises(StorageError, match="another plan"):
        committed(run, "cd" * 32)


def test_file_that_is_gone_is_named(run: RunLayout, plan_hash: str) -> None:
    """A reader is told, rather than given less."""
    write_manifest(run, committed(run, plan_hash).values())
    run.shard(2).unlink()

    with pytest.raises(StorageError, match=r"shard-000002\.parquet.*gone"):
        read_manifest(run)
    assert sorted(committed(run, plan_hash)) == [0]
