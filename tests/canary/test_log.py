"""The append-only log and its roll into the arrivals table."""

import asyncio
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from survey.canary import log as log_module
from survey.canary.durable import Durable
from survey.canary.log import ArrivalLog, roll
from survey.canary.record import Unlisted, from_line, to_line
from survey.errors import BusyError, StorageError
from survey.model.arrival import Arrival, ArrivalKind
from survey.storage.arrivals import arrival_files
from survey.storage.layout import Layout
from survey.storage.schemas import ARRIVALS

AT = datetime(2026, 11, 23, 23, 59, 59, tzinfo=UTC)
ARRIVAL = Arrival(
    at=AT,
    kind=ArrivalKind.MESSAGE,
    token="t" * 56,
    nonce="",
    peer=bytes(10) + b"\xff\xff\xc0\x00\x02\x07",
    peer_port=40000,
    canary_port=25,
    complete=True,
    sender=b"a\xff\0\r\n@example.com",
    helo=b'"\\x',
    size=1234,
)


def _numbered(count: int) -> list[Arrival]:
    return [replace(ARRIVAL, size=number) for number in range(count)]


async def _record(log: ArrivalLog, record: Arrival | Unlisted) -> bool:
    """Append one record and wait; whether it is durable."""
    durable = Durable()
    log.append(record, durable.add())
    return await durable.all()


async def _written(folder: Path, *records: Arrival | Unlisted) -> None:
    log = ArrivalLog(folder)
    assert all(await asyncio.gather(*(_record(log, record) for record in records)))
    await log.close()


async def test_event_is_on_disk_before_its_answer(tmp_path: Path) -> None:
    """When its answer may be given, the line is in the file."""
    log = ArrivalLog(tmp_path)
    for arrival in _numbered(20):
        assert await _record(log, arrival)
        lines = (tmp_path / "2026-11-23.log").read_bytes().splitlines(keepends=True)
        assert from_line(lines[-1]) == arrival
    await log.close()


async def test_fsync_comes_before_the_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The order is write, fsync, answer; events of one tick share one fsync."""
    order: list[str] = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda file: (order.append("fsync"), real(file))[1])
    log = ArrivalLog(tmp_path)
    await _record(log, ARRIVAL)
    order.clear()

    for arrival in _numbered(100):
        log.append(arrival, lambda written: order.append(f"answer {written}"))
    await log.close()

    assert order == ["fsync"] + ["answer True"] * 100


async def test_days_are_apart(tmp_path: Path) -> None:
    """One file per UTC day of the event, also within one batch, also if the clock steps back."""
    tomorrow = replace(ARRIVAL, at=AT + timedelta(seconds=1))
    log = ArrivalLog(tmp_path)
    for batch in ([ARRIVAL, tomorrow], [ARRIVAL], [tomorrow, ARRIVAL]):
        await asyncio.gather(*(_record(log, each) for each in batch))
    await log.close()

    assert len((tmp_path / "2026-11-23.log").read_bytes().splitlines()) == 3
    assert len((tmp_path / "2026-11-24.log").read_bytes().splitlines()) == 2


async def test_log_is_private(tmp_path: Path) -> None:
    """0600 in a 0700 folder (law 8)."""
    folder = tmp_path / "arrivals"
    await _written(folder, ARRIVAL)

    assert folder.stat().st_mode & 0o777 == 0o700
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in folder.iterdir())


async def test_second_writer_is_refused(tmp_path: Path) -> None:
    """Two canaries can't write into one folder; a dead one does not block the next."""
    log = ArrivalLog(tmp_path)
    with pytest.raises(BusyError, match="another canary"):
        ArrivalLog(tmp_path)
    await log.close()

    await ArrivalLog(tmp_path).close()


@pytest.mark.parametrize("torn", [b"{", b'{"at":"2026-11-23T12', b"x" * 200_000, b"\0" * 4096])
async def test_torn_last_line_is_mended_at_start(tmp_path: Path, torn: bytes) -> None:
    """What a crash cut off was never promised: it is cut, and the next line starts fresh."""
    path = tmp_path / "2026-11-23.log"
    path.write_bytes(to_line(ARRIVAL) + torn)

    await _written(tmp_path, replace(ARRIVAL, size=2))

    assert [from_line(line).size for line in path.read_bytes().splitlines()] == [1234, 2]


async def test_log_that_can_not_be_mended_is_one_clear_line(tmp_path: Path) -> None:
    """The file is named, and the folder is free again."""
    path = tmp_path / "2026-11-23.log"
    path.mkdir()
    with pytest.raises(StorageError, match=r"2026-11-23\.log: can't be mended: Is a directory"):
        ArrivalLog(tmp_path)

    path.rmdir()
    await ArrivalLog(tmp_path).close()


async def test_write_that_fails_is_told_and_leaves_no_torn_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk: False for those events, unhealthy until a write works again."""
    log = ArrivalLog(tmp_path)
    assert await _record(log, ARRIVAL)
    real = os.write

    def full(file: int, data: memoryview) -> int:
        if len(data) > 10:
            return real(file, data[:10])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    assert not await _record(log, ARRIVAL)
    assert not log.healthy
    assert (tmp_path / "2026-11-23.log").read_bytes() == to_line(ARRIVAL)

    monkeypatch.setattr(os, "write", real)
    log.retry(AT)
    await log.close()
    assert log.healthy
    assert (tmp_path / "2026-11-23.log").read_bytes() == to_line(ARRIVAL)


async def test_log_that_can_not_be_made_heals(tmp_path: Path) -> None:
    """A folder that refuses the day's file is tried again."""
    log = ArrivalLog(tmp_path)
    (tmp_path / "2026-11-23.log").mkdir()
    assert not await _record(log, ARRIVAL)

    (tmp_path / "2026-11-23.log").rmdir()
    log.retry(AT)
    await _record(log, ARRIVAL)
    await log.close()

    assert log.healthy
    assert (tmp_path / "2026-11-23.log").read_bytes() == to_line(ARRIVAL)


async def test_failed_fsync_is_no_promise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes that may not have reached the disk are taken back."""
    log = ArrivalLog(tmp_path)
    await _record(log, ARRIVAL)
    real = os.fsync

    def broken(_: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", broken)
    assert not await _record(log, ARRIVAL)
    monkeypatch.setattr(os, "fsync", real)
    assert await _record(log, replace(ARRIVAL, size=2))
    await log.close()

    lines = (tmp_path / "2026-11-23.log").read_bytes().splitlines()
    assert [from_line(line).size for line in lines] == [1234, 2]


async def test_peer_that_went_away_breaks_no_batch(tmp_path: Path) -> None:
    """A conversation that was cancelled while it waited still has its event on record."""
    log = ArrivalLog(tmp_path)
    gone = asyncio.create_task(_record(log, ARRIVAL))
    stays = asyncio.create_task(_record(log, replace(ARRIVAL, size=2)))
    await asyncio.sleep(0)
    gone.cancel()

    assert await stays
    await log.close()
    assert len((tmp_path / "2026-11-23.log").read_bytes().splitlines()) == 2


async def test_roll_makes_the_arrivals_table(tmp_path: Path) -> None:
    """Schema and values are those of the arrivals table; counts are no rows."""
    await _written(tmp_path, ARRIVAL, Unlisted(AT, 5), replace(ARRIVAL, size=2))

    assert roll(tmp_path) == (tmp_path / "2026-11-23.parquet",)

    table = pq.read_table(tmp_path / "2026-11-23.parquet")
    assert table.schema.equals(ARRIVALS)
    assert table.schema.field("at").metadata == ARRIVALS.field("at").metadata
    assert table.schema.metadata[b"grain"] == ARRIVALS.metadata[b"grain"]
    rows = [Arrival(**{**row, "kind": ArrivalKind(row["kind"])}) for row in table.to_pylist()]
    assert rows == [ARRIVAL, replace(ARRIVAL, size=2)]
    assert (tmp_path / "2026-11-23.parquet").stat().st_mode & 0o777 == 0o600


async def test_roll_again_changes_only_what_changed(tmp_path: Path) -> None:
    """Rolled days are left alone, an unfinished day is replaced whole."""
    await _written(tmp_path, ARRIVAL, replace(ARRIVAL, at=AT + timedelta(seconds=1)))
    first, second = roll(tmp_path)
    before = first.stat().st_ino

    assert roll(tmp_path) == ()
    await _written(tmp_path, replace(ARRIVAL, at=AT + timedelta(seconds=2)))
    assert roll(tmp_path) == (second,)

    assert first.stat().st_ino == before
    assert [pq.read_metadata(path).num_rows for path in (first, second)] == [1, 2]


async def test_roll_of_a_log_being_written_takes_what_is_whole(tmp_path: Path) -> None:
    """A line that is only half there is left for the next time."""
    whole = to_line(ARRIVAL)
    path = tmp_path / "2026-11-23.log"
    path.write_bytes(whole * 2 + whole[:30])
    (table,) = roll(tmp_path)
    assert pq.read_metadata(table).num_rows == 2

    path.write_bytes(whole * 3)
    assert roll(tmp_path) == (table,)
    assert pq.read_metadata(table).num_rows == 3


async def test_roll_works_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A day is never wholly in memory."""
    monkeypatch.setattr(log_module, "ROLL_ROWS", 7)
    await _written(tmp_path, *_numbered(50))

    (table,) = roll(tmp_path)

    assert sorted(pq.read_table(table)["size"].to_pylist()) == list(range(50))
    assert pq.read_metadata(table).num_row_groups == 8


async def test_roll_replaces_a_damaged_table(tmp_path: Path) -> None:
    """A table that can't be read is made again from the log."""
    await _written(tmp_path, ARRIVAL)
    (tmp_path / "2026-11-23.parquet").write_bytes(b"PAR1nonsense")

    (table,) = roll(tmp_path)

    assert pq.read_metadata(table).num_rows == 1


def test_roll_names_a_damaged_line(tmp_path: Path) -> None:
    """Damage inside a log is never passed over, and the old table stays."""
    (tmp_path / "2026-11-23.log").write_bytes(to_line(ARRIVAL) + b"nonsense\n" + to_line(ARRIVAL))

    with pytest.raises(StorageError, match=r"2026-11-23\.log: line 2"):
        roll(tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ["2026-11-23.log"]


def test_roll_of_nothing_is_nothing(tmp_path: Path) -> None:
    """A canary that never ran, or a day without a whole line."""
    assert roll(tmp_path / "none") == ()
    assert roll(tmp_path) == ()

    (tmp_path / "2026-11-23.log").write_bytes(b"")
    (table,) = roll(tmp_path)
    assert pq.read_metadata(table).num_rows == 0


async def test_readers_find_what_was_rolled(tmp_path: Path) -> None:
    """Each rolled day is a table that readers take, and nothing else is."""
    layout = Layout(tmp_path)
    await _written(layout.arrivals, ARRIVAL, replace(ARRIVAL, at=AT + timedelta(seconds=1)))

    assert roll(layout.arrivals) == arrival_files(layout)
