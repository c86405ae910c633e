"""One line for every export of single hosts: who, when, what, which filter (law 8)."""

import fcntl
import json
import os
import pwd
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from survey.errors import StorageError
from survey.storage.files import private_folder, replacing
from survey.storage.layout import Layout


def record(
    layout: Layout,
    what: str,
    filter: str,  # noqa: A002 - the law's word for it
    *,
    who: str | None = None,
    now: datetime | None = None,
) -> None:
    """Append one JSON line to the audit log, on disk before the export begins.

    Args:
        layout: Whose data leave.
        what: Which export, e.g. ``findings``.
        filter: Which rows of it, as the person asked.
        who: The person; the user of this process if not given.
        now: UTC; this moment if not given.

    Raises:
        StorageError: The line can't be written; then nothing may be exported.
    """
    line = json.dumps(
        {
            "at": (now or datetime.now(UTC)).isoformat(timespec="seconds"),
            "who": who or _user(),
            "what": what,
            "filter": filter,
        }
    )
    try:
        private_folder(layout.audit.parent)
        with _opened(layout) as descriptor:
            # one write of a whole line: two processes never mix theirs
            os.write(descriptor, line.encode() + b"\n")
            os.fsync(descriptor)
    except OSError as error:
        raise StorageError(
            f"{layout.audit}: can't write the audit line, so nothing is exported: {error.strerror}"
        ) from error


def rewrite_audit(layout: Layout, change: Callable[[bytes], bytes | None]) -> None:
    """Write the log again, each line as ``change`` gives it back, or without it; replaced whole.

    Who wants to add a line meanwhile waits, and adds it to the new log.

    Raises:
        StorageError: It can't be read or written; it stays as it was.
    """
    try:
        with _opened(layout) as descriptor, replacing(layout.audit) as part:
            text = os.pread(descriptor, os.fstat(descriptor).st_size, 0)
            changed = (change(line) for line in text.splitlines())
            part.write_bytes(b"".join(line + b"\n" for line in changed if line is not None))
    except OSError as error:
        raise StorageError(f"{layout.audit}: can't be written again: {error.strerror}") from error


@contextmanager
def _opened(layout: Layout) -> Iterator[int]:
    """The log, locked, to append to; not one that was replaced while we waited for it."""
    while True:
        descriptor = os.open(layout.audit, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if _is_there(layout.audit, descriptor):
                yield descriptor
                return
        finally:
            os.close(descriptor)


def _is_there(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _user() -> str:
    """Login name of this process's user, or its number."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
