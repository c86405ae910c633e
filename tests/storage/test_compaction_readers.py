"""Readers go on while a run is compacted, and read only what they ask for."""

import threading
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest
from made_data import CAMPAIGN, RUN, MadeData, seen

from survey.model.address import format_ip, parse_ip
from survey.storage import compaction
from survey.storage.compaction import compact, observation_files
from survey.storage.layout import RunLayout
from survey.storage.manifest import read_manifest, write_manifest

SHARDS = 12
EACH = 40
COUNT = "SELECT count(*), count(DISTINCT (ip, port)) FROM read_parquet($files)"


@pytest.fixture
def run(tmp_path: Path) -> RunLayout:
    """A done run of many shards, each with as many rows."""
    made = MadeData(tmp_path, [f"198.18.{block}.0" for block in range(SHARDS)])
    base = parse_ip("198.18.0.0")
    made.scan([seen(format_ip(base + host)) for host in range(SHARDS * EACH)])
    return made.layout.run(CAMPAIGN, RUN)


def at_once(*works: Callable[[], None]) -> list[BaseException]:
    """Run each in a thread of its own; what they raised."""
    raised: list[BaseException] = []

    def guarded(work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - told to the test
            raised.append(error)

    threads = [threading.Thread(target=guarded, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


def test_readers_see_whole_shards_whenever_they_look(run: RunLayout) -> None:
    """The file is replaced with more shards again and again: no part, no error, nothing lost."""
    receipts = read_manifest(run).receipts()
    write_manifest(run, receipts[:1])
    done = threading.Event()
    counts: list[list[tuple[int, int]]] = []

    def read() -> None:
        mine: list[tuple[int, int]] = []
        counts.append(mine)
        with duckdb.connect() as connection:
            while not done.is_set() or not mine:
                files = [str(path) for path in observation_files(run)]
                bound = {"files": files}
                # a view keeps its list of files for a while
                mine += (connection.execute(COUNT, bound).fetchall()[0] for _ in range(3))

    def write() -> None:
        try:
            for shards in range(1, SHARDS + 1):
                write_manifest(run, receipts[:shards])
                assert compact(run)
        finally:
            done.set()

    assert at_once(write, read, read) == []
    for mine in counts:
        assert all(rows == distinct and rows % EACH == 0 for rows, distinct in mine)
        assert mine == sorted(mine)
    assert compact(run) is False
    assert pq.read_metadata(run.observations).num_rows == SHARDS * EACH


def test_two_compactions_at_once_make_one_file(run: RunLayout) -> None:
    """Both may write; what stands is whole, and nothing else is left."""
    assert at_once(lambda: compact(run) and None, lambda: compact(run) and None) == []
    assert observation_files(run) == (run.observations,)
    assert pq.read_metadata(run.observations).num_rows == SHARDS * EACH
    assert not [*run.root.glob("*.part"), *run.root.glob("scratch-*")]


def test_a_compaction_that_dies_leaves_the_shards_to_readers(
    run: RunLayout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the rename there is nothing; the next one does it all."""

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(compaction, "_check", die)
        with pytest.raises(KeyboardInterrupt):
            compact(run)
    assert len(observation_files(run)) == SHARDS
    assert compact(run)


def test_same_shards_make_the_same_bytes(run: RunLayout) -> None:
    """A compacted file can be made again from its shards at any time."""
    compact(run)
    once = run.observations.read_bytes()
    run.observations.unlink()
    compact(run)
    assert run.observations.read_bytes() == once


def test_question_about_one_network_reads_few_row_groups(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Groups follow one another by address, so that their statistics rule most of them out."""
    monkeypatch.setattr(compaction, "_BATCH_ROWS", 2048)
    made = MadeData(tmp_path, [f"198.18.{block}.0" for block in range(40)])
    base = parse_ip("198.18.0.0")
    made.scan([seen(format_ip(base + host)) for host in range(40 * 256)])
    run = made.layout.run(CAMPAIGN, RUN)
    compact(run)
    metadata = pq.read_metadata(run.observations)
    place = metadata.schema.to_arrow_schema().get_field_index("ip")
    spans = []
    for group in range(metadata.num_row_groups):
        statistics = metadata.row_group(group).column(place).statistics
        spans.append((statistics.min, statistics.max))

    assert metadata.num_row_groups == 5
    assert all(before[1] < after[0] for before, after in pairwise(spans))
    first = parse_ip("198.18.20.0")
    assert sum(low <= first + 255 and high >= first for low, high in spans) == 1
    assert metadata.row_group(0).sorting_columns[0].column_index == place
