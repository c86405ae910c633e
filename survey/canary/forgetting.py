"""Takes arrivals out of the canary's logs: whole days, the bytes of strangers, or some addresses.

A day whose log nobody writes any more is replaced whole, and its table made again from it.  The log
of a running canary is written in place only, line by line.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from survey.canary.log import LOG_NAME, roll
from survey.canary.record import Unlisted, from_line, to_line
from survey.errors import StorageError
from survey.model.arrival import Arrival
from survey.protocols.token import TOKEN_CHARS, address_in
from survey.storage.erasing import erasing
from survey.storage.files import replacing
from survey.storage.line_log import MARK, lines_to_take, take_lines
from survey.storage.mentions import Addresses, names_any, without_names
from survey.storage.rewriting import count_changes, rewrite

_NO_BYTES = b'"sender":"","helo":""'
_HEADERS = b'"headers":'
_NOBODY = bytes(16)

Line = Callable[[bytes], bytes]


def log_days(folder: Path) -> tuple[tuple[date, Path], ...]:
    """Every day that has a log, oldest first."""
    if not folder.is_dir():
        return ()
    names = sorted(path.name for path in folder.iterdir() if LOG_NAME.match(path.name))
    return tuple((date.fromisoformat(name[:10]), folder / name) for name in names)


def is_written(day: date, now: datetime) -> bool:
    """Whether a running canary may still append to that day's log."""
    return day >= (now.astimezone(UTC) - timedelta(days=1)).date()


def count_events(log: Path) -> int:
    """How many events a log has."""
    return sum(1 for line in _lines(log) if not line.startswith(MARK))


def count_with_bytes(log: Path) -> int:
    """How many of its events have bytes that strangers said."""
    return sum(1 for line in _lines(log) if _has_bytes(line))


def forget_day(log: Path) -> None:
    """Take out every event of a day."""
    with replacing(log):
        pass
    roll(log.parent)


def forget_bytes(log: Path) -> None:
    """Take what strangers said out of a day's events; the events stay."""

    def bare(line: bytes) -> bytes:
        record = from_line(line) if _has_bytes(line) else None
        if not isinstance(record, Arrival):
            return line
        return to_line(replace(record, sender=b"", helo=b"", headers=b""))

    _rewrite(log, bare)


def count_named(log: Path, addresses: Addresses) -> int:
    """How many events of a day are about one of the addresses, or name it."""
    table = log.with_suffix(".parquet")
    rows = sum(count_changes(table, erasing(addresses))) if table.exists() else 0
    lines = sum(1 for line in _lines(log) if names_any(line, addresses))
    return max(rows, lines)


def forget_addresses(log: Path, addresses: Addresses, *, written: bool) -> bool:
    """Take some addresses out of a day's events; whether nothing names them any more.

    Args:
        log: The day's log.
        addresses: Which.
        written: A canary may append to it: only events that are about an address go, and where
            another's event names one, that stays until the day is over.

    Raises:
        StorageError: A line is damaged, or the disk does not take it.
    """
    take_lines(log, lambda line: _is_about(line, addresses))
    whole = True
    if not written:
        _rewrite(log, lambda line: _without(line, addresses))
    else:
        whole = not lines_to_take(log, lambda line: names_any(line, addresses))
    roll(log.parent)
    table, change = log.with_suffix(".parquet"), erasing(addresses)
    if table.exists() and any(count_changes(table, change)):
        rewrite(table, change)
    return whole


def _lines(log: Path) -> list[bytes]:
    return [line for line in log.read_bytes().splitlines() if line]


def _has_bytes(line: bytes) -> bool:
    marked = line.startswith(MARK) or b'"unlisted":' in line
    return not marked and (_NO_BYTES not in line or _HEADERS in line)


def _rewrite(log: Path, change: Line) -> None:
    try:
        with replacing(log) as part, part.open("wb") as file:
            for line in _lines(log):
                file.write(line + b"\n" if line.startswith(MARK) else _ended(change(line)))
    except (OSError, ValueError) as error:
        raise StorageError(f"{log}: can't be written again: {error}") from error
    roll(log.parent)


def _ended(line: bytes) -> bytes:
    return line.rstrip(b"\n") + b"\n"


def _is_about(line: bytes, addresses: Addresses) -> bool:
    """Whether an event is one of them: by its token, else by who made it."""
    try:
        record = from_line(line)
    except ValueError:
        return False
    if isinstance(record, Unlisted):
        return False
    if len(record.token) == TOKEN_CHARS:
        return address_in(record.token) in addresses
    return not record.token and names_any(_peer(record), addresses)


def _without(line: bytes, addresses: Addresses) -> bytes:
    """An event of somebody else's that names none of them any more."""
    if not names_any(line, addresses):
        return line
    record = from_line(line)
    if isinstance(record, Unlisted):
        return line
    return to_line(
        replace(
            record,
            peer=_NOBODY if names_any(_peer(record), addresses) else record.peer,
            sender=without_names(record.sender, addresses),
            helo=without_names(record.helo, addresses),
            headers=without_names(record.headers, addresses),
        )
    )


def _peer(record: Arrival) -> bytes:
    """The text of an IPv4 peer; nothing for another."""
    if not record.peer.startswith(bytes(10) + b"\xff\xff"):
        return b""
    return ".".join(map(str, record.peer[12:])).encode("ascii")
