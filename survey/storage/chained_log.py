"""An append-only log of JSON lines, each tied to the one before by its hash.

What stands in such a log decides who is left alone, so a reader that is not sure of it closes the
gate: it is missing, it can't be read, a line is not as it was written or comes after another one
than it did.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from survey.errors import ConfigError, GateClosedError
from survey.storage.files import creating

Record = Mapping[str, Any]
"""What one line holds, without what ties it to the one before."""

_AFTER = "after"


@dataclass(frozen=True, slots=True)
class ChainedLog:
    """One kind of such logs.

    Attributes:
        header: Its first line; an empty file is a damaged log, not one without entries.
        name: What a person calls it, as ``opt-out log``.
        init: The command that makes an empty one.
    """

    header: bytes
    name: str
    init: str

    def create(self, path: Path) -> None:
        """Make an empty log.

        Raises:
            ConfigError: There is something at ``path`` already.
        """
        try:
            with creating(path) as part:
                part.write_bytes(self.header)
        except FileExistsError as error:
            raise ConfigError(
                path, "", "exists already", "keep it, or choose another path"
            ) from error

    def read(self, path: Path) -> tuple[Record, ...]:
        """Every line, oldest first.

        Raises:
            GateClosedError: The log can't be trusted.
        """
        with self._locked(path, os.O_RDONLY, fcntl.LOCK_SH) as descriptor:
            return self._parse(path, _all_of(descriptor))

    def append(self, path: Path, record: Record) -> tuple[Record, ...]:
        """Add a line durably, and give back all with it; for every reader it counts from then on.

        Raises:
            GateClosedError: The log can't be trusted, or there is no room.
        """
        assert _AFTER not in record, "the log ties its lines itself"
        with self._locked(path, os.O_RDWR | os.O_APPEND, fcntl.LOCK_EX) as descriptor:
            data = _all_of(descriptor)
            before = self._parse(path, data)
            line = _line(record, data.splitlines(keepends=True)[-1])
            written = os.write(descriptor, line)
            if written != len(line):  # a full disk: half a line would close every gate
                os.ftruncate(descriptor, len(data))
                raise GateClosedError(f"{path}: no room for another entry; free some space")
            os.fsync(descriptor)
        return (*before, record)

    def damaged(self, path: Path, number: int) -> GateClosedError:
        """The error about a line, counted from 1."""
        return GateClosedError(
            f"{path}: line {number}: is not as it was written; restore the log from your copy"
        )

    @contextmanager
    def _locked(self, path: Path, flags: int, lock: int) -> Iterator[int]:
        """The log's descriptor, locked so that nobody reads half a line."""
        try:
            descriptor = os.open(path, flags)
        except OSError as error:
            raise GateClosedError(
                f"{path}: the {self.name} can't be read ({error.strerror}); "
                f"restore it, or make the first one with `{self.init}`"
            ) from error
        try:
            fcntl.flock(descriptor, lock)
            yield descriptor
        except OSError as error:
            raise GateClosedError(f"{path}: the {self.name}: {error.strerror}") from error
        finally:
            os.close(descriptor)

    def _parse(self, path: Path, data: bytes) -> tuple[Record, ...]:
        lines = data.splitlines(keepends=True)
        if lines[:1] != [self.header]:
            raise GateClosedError(f"{path}: line 1: is no {self.name}; restore it from your copy")
        found = []
        for number, (previous, line) in enumerate(pairwise(lines), start=2):
            record = _read(line)
            if record is None or record.pop(_AFTER, None) != _tie(previous):
                raise self.damaged(path, number)
            found.append(record)
        return tuple(found)


def _all_of(descriptor: int) -> bytes:
    return os.pread(descriptor, os.fstat(descriptor).st_size, 0)


def _tie(previous: bytes) -> str:
    return hashlib.sha256(previous).hexdigest()[:16]


def _line(record: Record, previous: bytes) -> bytes:
    first, *rest = record.items()
    return _text(dict([first, (_AFTER, _tie(previous)), *rest]))


def _text(content: Record) -> bytes:
    return json.dumps(content).encode("ascii") + b"\n"


def _read(line: bytes) -> dict[str, Any] | None:
    """What a line holds; None if it is not as we write lines."""
    try:
        content = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) and _text(content) == line else None
