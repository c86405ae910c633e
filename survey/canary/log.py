"""The canary's append-only log: what is promised to a peer is on disk first.

One file per UTC day, ``<day>.log``, 0600, JSON lines (``record``).  Events of one tick of the loop
are written and fsynced together in a thread (group commit); only then are their answers given.
``roll`` makes the arrivals table from it.
"""

import asyncio
import contextlib
import fcntl
import os
import re
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from survey.canary.record import Unlisted, from_line, to_line
from survey.errors import BusyError, StorageError
from survey.model.arrival import Arrival
from survey.storage.files import private_folder, replacing, sync_folder
from survey.storage.line_log import MARK
from survey.storage.schemas import ARRIVALS

LOG_NAME = re.compile(r"^\d{4}-\d{2}-\d{2}\.log$")
ROLL_ROWS = 65_536
GATHER_SECONDS = 0.002
"""Under load, events are gathered for so long between two commits; a lone event never waits."""
_LOG_BYTES = b"log_bytes"

Then = Callable[[bool], None]
"""Called in the loop once an event is durable (True) or could not be written (False)."""


@dataclass(slots=True)
class _Batch:
    """Events that will share one write and one fsync."""

    lines: dict[date, bytearray] = field(default_factory=dict)
    then: list[Then] = field(default_factory=list)


class ArrivalLog:
    """The one writer of an arrivals folder; used inside one event loop."""

    def __init__(self, folder: Path) -> None:
        """Take the folder's lock and mend what a crash left torn.

        Raises:
            BusyError: Another canary writes there.
            StorageError: The folder can't be used.
        """
        self.healthy = True
        """Whether the last write reached the disk."""
        self._folder = private_folder(folder)
        self._lock = _locked(folder / "canary.lock")
        try:
            for path in _logs(folder):
                _mend(path)
        except OSError as error:
            os.close(self._lock)
            raise StorageError(
                f"{error.filename}: can't be mended: {error.strerror}; give it to this user"
            ) from error
        self._day: date | None = None
        self._file = -1
        self._good = 0
        self._batch = _Batch()
        self._busy = False
        self._idle = asyncio.Event()
        self._idle.set()
        self._loop = asyncio.get_running_loop()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="arrivals")

    def append(self, record: Arrival | Unlisted, then: Then | None = None) -> None:
        """Write the record with the others of this tick, then say whether it is durable."""
        day = record.at.astimezone(UTC).date()
        self._batch.lines.setdefault(day, bytearray()).extend(to_line(record))
        if then is not None:
            self._batch.then.append(then)
        self._wake()

    def retry(self, now: datetime) -> None:
        """After a failed write: try whether the log can be written again, without an event."""
        self._batch.lines.setdefault(now.astimezone(UTC).date(), bytearray())
        self._wake()

    async def close(self) -> None:
        """Write what is waiting, give up the file and the lock."""
        await self._idle.wait()
        self._thread.shutdown()
        self._shut()
        os.close(self._lock)

    def _wake(self) -> None:
        if not self._busy:
            self._busy = True
            self._idle.clear()
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        batch, self._batch = self._batch, _Batch()
        work = self._thread.submit(self._commit, batch.lines)
        work.add_done_callback(
            lambda done: self._loop.call_soon_threadsafe(self._committed, batch, done)
        )

    def _committed(self, batch: _Batch, done: Future[bool]) -> None:
        self.healthy = done.result()
        for then in batch.then:
            then(self.healthy)
        if self._batch.lines:
            self._loop.call_later(GATHER_SECONDS, self._flush)
        else:
            self._busy = False
            self._idle.set()

    def _commit(self, lines: dict[date, bytearray]) -> bool:
        """Write and fsync, in the log's thread; an event that failed leaves no torn line."""
        try:
            for day in sorted(lines):
                self._open(day)
                rest = memoryview(lines[day])
                while rest:
                    rest = rest[os.write(self._file, rest) :]
                os.fsync(self._file)
                self._good += len(lines[day])
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, self._good)
            return False
        return True

    def _open(self, day: date) -> None:
        if day == self._day:
            return
        self._shut()
        path = self._folder / f"{day}.log"
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._good = os.fstat(self._file).st_size
        os.fchmod(self._file, 0o600)
        sync_folder(self._folder)
        self._day = day

    def _shut(self) -> None:
        self._day = None
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def roll(folder: Path) -> tuple[Path, ...]:
    """Make ``<day>.parquet`` from every day's log; the files that are new or changed.

    May run while the canary writes (today's file gets what is whole by now) and any number of
    times: a file that already holds all of its log is left alone, another is replaced whole.

    Raises:
        StorageError: A log is damaged; the line is named.
    """
    rolled = []
    for log in _logs(folder):
        table = log.with_suffix(".parquet")
        size = _whole_bytes(log)
        if not _holds(table, size):
            _write(log, size, table)
            rolled.append(table)
    return tuple(rolled)


def _write(log: Path, size: int, table: Path) -> None:
    schema = ARRIVALS.with_metadata({**(ARRIVALS.metadata or {}), _LOG_BYTES: str(size).encode()})
    with (
        replacing(table) as part,
        log.open("rb") as file,
        pq.ParquetWriter(part, schema, compression="zstd") as writer,
    ):
        arrivals = _arrivals(log, file, size)
        while rows := list(islice(arrivals, ROLL_ROWS)):
            columns = [
                pa.array([getattr(row, column.name) for row in rows], column.type)
                for column in schema
            ]
            writer.write_table(pa.Table.from_arrays(columns, schema=schema))


def _arrivals(log: Path, file: BinaryIO, size: int) -> Iterator[Arrival]:
    for number, line in enumerate(file, start=1):
        if size <= 0:
            return
        size -= len(line)
        if line.startswith(MARK):
            continue
        try:
            record = from_line(line)
        except ValueError as error:
            raise StorageError(
                f"{log}: line {number} is damaged; restore the file from its copy"
            ) from error
        if isinstance(record, Arrival):
            yield record


def _holds(table: Path, size: int) -> bool:
    """Whether the table was made, with today's columns, from exactly so many bytes of its log."""
    try:
        schema = pq.read_schema(table)
    except (OSError, pa.ArrowInvalid):
        return False
    made_from = (schema.metadata or {}).get(_LOG_BYTES)
    return bool(made_from == str(size).encode()) and schema.names == ARRIVALS.names


def _logs(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if LOG_NAME.match(path.name))


def _whole_bytes(path: Path) -> int:
    """Length of the file up to and with its last line end; what follows was never promised."""
    with path.open("rb") as file:
        end = file.seek(0, os.SEEK_END)
        while end > 0:
            start = max(0, end - 65_536)
            file.seek(start)
            if (found := file.read(end - start).rfind(b"\n")) >= 0:
                return start + found + 1
            end = start
    return 0


def _mend(path: Path) -> None:
    """Cut off a torn last line: its event was not durable, so no answer was given for it."""
    whole = _whole_bytes(path)
    if whole < path.stat().st_size:
        with path.open("r+b") as file:
            file.truncate(whole)
            os.fsync(file.fileno())


def _locked(path: Path) -> int:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    except OSError as error:
        raise StorageError(f"{path}: can't be opened: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise BusyError(f"{path.parent}: another canary writes here; stop it first") from error
    return descriptor
