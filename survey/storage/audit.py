"""One line for every export of single hosts: who, when, what, which filter (law 8)."""

import json
import os
import pwd
from datetime import UTC, datetime

from survey.errors import StorageError
from survey.storage.files import private_folder
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
        descriptor = os.open(layout.audit, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            # one write of a whole line: two processes never mix theirs
            os.write(descriptor, line.encode() + b"\n")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise StorageError(
            f"{layout.audit}: can't write the audit line, so nothing is exported: {error.strerror}"
        ) from error


def _user() -> str:
    """Login name of this process's user, or its number."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
