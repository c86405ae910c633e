"""The organisation's opt-out log: append-only JSON lines, each chained to the one before (law 7).

One log for all campaigns and data directories.  A reader that is not sure of it closes the gate.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from survey.model.address import Range, format_ip, parse_ip
from survey.storage.chained_log import ChainedLog, Record
from survey.targets.ranges import RangeSet

_LOG = ChainedLog(b'{"log": "survey opt-outs", "format": 1}\n', "opt-out log", "survey optout init")


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
    _LOG.create(path)


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
    return _optouts(path, _LOG.append(path, _record(entry)))


def read_log(path: Path) -> OptOuts:
    """The whole log.

    Raises:
        GateClosedError: It is missing, can't be read, or any line is not as it was written.
    """
    return _optouts(path, _LOG.read(path))


def _optouts(path: Path, records: tuple[Record, ...]) -> OptOuts:
    entries = []
    for number, record in enumerate(records, start=2):
        try:
            entry = _entry(record)
        except (ValueError, KeyError, TypeError, AttributeError):
            entry = None
        if entry is None or _record(entry) != record:
            raise _LOG.damaged(path, number)
        entries.append(entry)
    return OptOuts(tuple(entries), RangeSet.of(part for entry in entries for part in entry.ranges))


def _record(entry: OptOut) -> dict[str, object]:
    """The entry as it stands in the log."""
    record: dict[str, object] = {
        "added_at": entry.added_at.isoformat(),
        "by": entry.by,
        "ranges": [f"{format_ip(part.start)}-{format_ip(part.end)}" for part in entry.ranges],
        "received_at": entry.received_at.isoformat(),
        "verified": entry.verified,
    }
    if entry.erase:
        record["erase"] = True
    return record


def _entry(record: Record) -> OptOut:
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
