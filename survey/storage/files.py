"""Private, atomic files: whole or not there, 0600 in 0700 folders (laws 6 and 8)."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from survey.errors import StorageError


def private_folder(path: Path) -> Path:
    """The folder, made with its parents if need be; what we make is 0700."""
    if not path.is_dir():
        if path.parent != path:
            private_folder(path.parent)
        try:
            path.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise StorageError(f"{path}: can't make this folder: {error.strerror}") from error
    return path


def sync_folder(path: Path) -> None:
    """Make new names in the folder survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _part(path: Path) -> Iterator[Path]:
    """A fresh 0600 file beside ``path``, gone at the end.

    Its name ends in ``.part``: DuckDB's globs read dot and underscore files.
    """
    part = path.with_name(f"{path.name}.{secrets.token_hex(6)}.part")
    os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        yield part
    finally:
        part.unlink(missing_ok=True)


def _sync_file(path: Path) -> None:
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Write ``path`` anew: the caller fills the yielded file, then it replaces the old one whole.

    If the caller raises, the old file stays as it was.
    """
    private_folder(path.parent)
    with _part(path) as part:
        yield part
        _sync_file(part)
        part.replace(path)
        sync_folder(path.parent)


@contextmanager
def creating(path: Path) -> Iterator[Path]:
    """Write ``path`` once: the caller fills the yielded file, then it gets the name, if it is free.

    Raises:
        FileExistsError: Somebody was first; their file is untouched and ours is gone.
    """
    private_folder(path.parent)
    with _part(path) as part:
        yield part
        _sync_file(part)
        os.link(part, path)  # unlike a rename, a link never clobbers
        sync_folder(path.parent)


def replace_text(path: Path, text: str) -> None:
    """Replace ``path`` with ``text`` whole, UTF-8."""
    with replacing(path) as part:
        part.write_text(text, encoding="utf-8")


def replace_bytes(path: Path, data: bytes) -> None:
    """Replace ``path`` with ``data`` whole."""
    with replacing(path) as part:
        part.write_bytes(data)
