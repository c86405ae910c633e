"""One coordinator per data directory (law 5)."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from survey.errors import BusyError, StorageError
from survey.storage.files import private_folder


@contextmanager
def held(
    path: Path,
    busy: str = "another scan is running in this data directory; "
    "wait for it, or end it with `survey stop`",
) -> Iterator[None]:
    """Hold the lock file; the kernel lets go of it when this process ends, however it ends.

    Args:
        path: The file.
        busy: What to say if somebody else holds it.

    Raises:
        BusyError: Somebody else holds it.
    """
    private_folder(path.parent)
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StorageError(f"{path}: can't be opened: {error.strerror}") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BusyError(f"{path}: {busy}") from error
        yield
    finally:
        os.close(descriptor)
