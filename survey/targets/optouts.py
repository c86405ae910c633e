"""The organisation's opt-out log: append-only JSON lines, each chained to the one before (law 7).

One log for all campaigns and data directories.  A reader that is not sure of it closes the gate.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path

from survey.errors import ConfigError, GateClosedError
from survey.model.address import Range, format_ip, parse_ip
from survey.storage.files import creating
from survey.targets.ranges import RangeSet

_HEADER = b'{"log": "survey opt-outs", "format": 1}\n'
"""The first line; an empty file is a damaged log, not one without entries."""


@dataclass(frozen=True, slots=True)
class OptOut:
    """One wish not to be tested.

    Attributes:
        ranges: What it covers.
        by: Who wished it, one line.
        verified: How that person was found to answer for the ranges, or "" (it counts at once).
        received_at: When the wish reached us, UTC.
        added_at: When it was written here, UTC.
        erase: Whether what is kept about the ranges shall go, too (docs/retention.md).
    """

    ranges: tuple[Range, ...]
    by: str
    verified: str
    received_at: datetime
    added_at: datetime
    erase: bool = False


@dataclass(frozen=True, slots=True)
class OptOuts:
    """The log as it was read.

    Attributes:
        entries: All wishes, oldest first; none is ever taken back.
        ranges: All addresses that are not to be tested.
    """

    entries: tuple[OptOut, ...]
    ranges: RangeSet

    @property
    def version(self) -> int:
        """How many entries; only ever grows."""
        return len(self.entries)

    @property
    def to_erase(self) -> RangeSet:
        """All addresses of which nothing shall be kept."""
        return RangeSet.of(part for one in self.entries if one.erase for part in one.ranges)

    @property
    def wished_at(self) -> datetime | None:
        """When somebody last asked us to forget (UTC); None if nobody did."""
        return max((one.added_at for one in self.entries if one.erase), default=None)


def init_log(path: Path) -> None:
    """Make an empty log.

    Raises:
        ConfigError: There is something at ``path`` already.
    """
    try:
        with creating(path) as part:
            part.write_bytes(_HEADER)
    except FileExistsError as error:
        raise ConfigError(path, "", "exists already", "keep it, or choose another path") from error


def add(  # noqa: PLR0917 - the columns of one entry, in their order
    path: Path,
    ranges: tuple[Range, ...],
    by: str,
    verified: str,
    received: datetime,
    now: datetime,
    *,
    erase: bool = False,
) -> OptOuts:
    """Append one wish durably and return the log with it; in force for every reader from then on.

    Raises:
        GateClosedError: The log is missing or damaged.
    """
    assert ranges, "an opt-out covers something"
    assert received.tzinfo is not None, "times are UTC"
    assert now.tzinfo is not None, "times are UTC"
    entry = OptOut(ranges, by, verified, received, now, erase)
    with _locked(path, os.O_RDWR | os.O_APPEND, fcntl.LOCK_EX) as descriptor:
        data = _read_all(descriptor)
        log = _parse(path, data)
        line = _line(entry, previous=data.splitlines(keepends=True)[-1])
        written = os.write(descriptor, line)
        if written != len(line):  # a full disk: half a line would close every gate
            os.ftruncate(descriptor, len(data))
            raise GateClosedError(f"{path}: no room for another entry; free some space")
        os.fsync(descriptor)
    return OptOuts((*log.entries, entry), log.ranges | RangeSet.of(ranges))


def read_log(path: Path) -> OptOuts:
    """The whole log.

    Raises:
        GateClosedError: It is missing, can't be read, or any line is not as it was written.
    """
    with _locked(path, os.O_RDONLY, fcntl.LOCK_SH) as descriptor:
        return _parse(path, _read_all(descriptor))


@contextmanager
def _locked(path: Path, flags: int, lock: int) -> Iterator[int]:
    """The log's descriptor, locked so that nobody reads half a line."""
    try:
        descriptor = os.open(path, flags)
    except OSError as error:
        raise GateClosedError(
            f"{path}: the opt-out log can't be read ({error.strerror}); "
            "restore it, or make the first one with `survey optout init`"
        ) from error
    try:
        fcntl.flock(descriptor, lock)
        yield descriptor
    except OSError as error:
        raise GateClosedError(f"{path}: the opt-out log: {error.strerror}") from error
    finally:
        os.close(descriptor)


def _read_all(descriptor: int) -> bytes:
    return os.pread(descriptor, os.fstat(descriptor).st_size, 0)


def _parse(path: Path, data: bytes) -> OptOuts:
    lines = data.splitlines(keepends=True)
    if lines[:1] != [_HEADER]:
        raise GateClosedError(f"{path}: line 1: is no opt-out log; restore it from your copy")
    entries = []
    for number, (previous, line) in enumerate(pairwise(lines), start=2):
        try:
            entry = _entry(line)
        except (ValueError, KeyError, TypeError, AttributeError):
            entry = None
        if entry is None or _line(entry, previous) != line:
            raise GateClosedError(
                f"{path}: line {number}: is not as it was written; restore the log from your copy"
            )
        entries.append(entry)
    return OptOuts(tuple(entries), RangeSet.of(part for entry in entries for part in entry.ranges))


def _line(entry: OptOut, previous: bytes) -> bytes:
    """The entry as it stands in the log; ``after`` ties it to the line before."""
    record: dict[str, object] = {
        "added_at": entry.added_at.isoformat(),
        "after": hashlib.sha256(previous).hexdigest()[:16],
        "by": entry.by,
        "ranges": [f"{format_ip(part.start)}-{format_ip(part.end)}" for part in entry.ranges],
        "received_at": entry.received_at.isoformat(),
        "verified": entry.verified,
    }
    if entry.erase:
        record["erase"] = True
    return json.dumps(record).encode("ascii") + b"\n"


def _entry(line: bytes) -> OptOut:
    record = json.loads(line)
    return OptOut(
        ranges=tuple(_range(text) for text in record["ranges"]),
        by=record["by"],
        verified=record["verified"],
        received_at=datetime.fromisoformat(record["received_at"]),
        added_at=datetime.fromisoformat(record["added_at"]),
        erase=bool(record.get("erase", False)),
    )


def _range(text: str) -> Range:
    start, _, end = text.partition("-")
    if parse_ip(start) > parse_ip(end):
        raise ValueError(text)
    return Range(parse_ip(start), parse_ip(end))
