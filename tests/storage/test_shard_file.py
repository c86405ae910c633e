"""A shard file is its own receipt, appears whole, and only once."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from survey.errors import StorageError
from survey.model.assignment import Receipt
from survey.model.observation import Observation
from survey.storage.schemas import OBSERVATIONS
from survey.storage.shard_file import read_address, read_receipt, rows, write_shard

Make = Callable[..., Receipt]
MakeObservation = Callable[..., Observation]


def test_receipt_and_rows_come_back_as_written(
    tmp_path: Path, make_receipt: Make, make_observation: MakeObservation
) -> None:
    """What was observed and counted survives the file, byte for byte."""
    path = tmp_path / "shard-000000.parquet"
    observation = make_observation(reply=b"\x00\xff hostile \r\n", duration=0.25)
    receipt = make_receipt(observations=1)

    committed = write_shard(path, rows("2026-W48", 0, [observation]), receipt)

    assert committed == receipt
    assert read_receipt(path) == receipt
    assert read_address(path, observation.ip) == (observation,)
    assert read_address(path, observation.ip + 1) == ()


def test_second_writer_gets_the_first_ones_receipt_and_changes_nothing(
    tmp_path: Path, make_receipt: Make, make_observation: MakeObservation
) -> None:
    """A shard done twice counts once (law 6)."""
    path = tmp_path / "shard-000000.parquet"
    first = make_receipt(observations=1, worker="first:1")
    write_shard(path, rows("2026-W48", 0, [make_observation()]), first)
    before = path.read_bytes()

    second = write_shard(path, rows("2026-W48", 0, []), make_receipt(worker="second:2"))

    assert second == first
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_rows_are_in_key_order_and_documented(
    tmp_path: Path, make_receipt: Make, make_observation: MakeObservation
) -> None:
    """Whatever the order of conversations was, the file is the same, with its dictionary."""
    path = tmp_path / "shard-000003.parquet"
    mixed = [make_observation(ip=9), make_observation(ip=7, port=3128), make_observation(ip=7)]

    write_shard(path, rows("2026-W48", 3, mixed), make_receipt(shard=3, observations=3))

    table = pq.read_table(path)
    assert [(row["ip"], row["port"]) for row in table.to_pylist()] == [
        (7, 1080),
        (7, 3128),
        (9, 1080),
    ]
    assert table.schema.field("ip").metadata[b"doc"] == OBSERVATIONS.field("ip").metadata[b"doc"]
    assert table.schema.metadata[b"grain"] == OBSERVATIONS.metadata[b"grain"]
    assert path.stat().st_mode & 0o777 == 0o600


def test_shard_without_observations_is_a_whole_table(tmp_path: Path, make_receipt: Make) -> None:
    """Silence leaves counts, and a file that can be queried like any other."""
    path = tmp_path / "shard-000000.parquet"

    write_shard(path, rows("2026-W48", 0, []), make_receipt())

    assert pq.read_table(path).num_rows == 0
    assert pq.read_table(path).schema.names == OBSERVATIONS.names


def test_same_key_twice_is_our_mistake(
    tmp_path: Path, make_receipt: Make, make_observation: MakeObservation
) -> None:
    """No observation key may be in a shard twice."""
    twice = rows("2026-W48", 0, [make_observation(), make_observation(duration=9.0)])

    with pytest.raises(AssertionError, match="twice"):
        write_shard(tmp_path / "shard-000000.parquet", twice, make_receipt(observations=2))


def test_torn_file_is_named(tmp_path: Path, make_receipt: Make) -> None:
    """Half a file is never taken for a shard."""
    path = tmp_path / "shard-000000.parquet"
    write_shard(path, rows("2026-W48", 0, []), make_receipt())
    path.write_bytes(path.read_bytes()[:-40])

    with pytest.raises(StorageError, match=r"shard-000000\.parquet.*whole"):
        read_receipt(path)


def test_foreign_parquet_is_no_shard(tmp_path: Path) -> None:
    """A Parquet file without a receipt is refused."""
    path = tmp_path / "shard-000000.parquet"
    pq.write_table(OBSERVATIONS.empty_table(), path)

    with pytest.raises(StorageError, match="no receipt"):
        read_receipt(path)


def test_damaged_receipt_is_named(tmp_path: Path, make_receipt: Make) -> None:
    """A receipt of wrong types is refused rather than believed."""
    path = tmp_path / "shard-000000.parquet"
    wrong = replace(make_receipt(), sent="many")
    write_shard(path, rows("2026-W48", 0, []), wrong)

    with pytest.raises(StorageError, match="damaged"):
        read_receipt(path)
