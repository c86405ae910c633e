"""Proves that a folder or URL keeps what law 6 stands on, before anything is sent from here."""

import secrets
from contextlib import suppress
from functools import cache
from pathlib import Path

from survey.errors import StorageError
from survey.storage.files import creating
from survey.storage.remote import Remote


@cache
def prove(folder: Path) -> None:
    """Write a file whole, and see that a second one can't take its name; once per process.

    Raises:
        StorageError: This folder can't hold shards; it is named.
    """
    path = folder / f"proof.{secrets.token_hex(6)}.part"
    try:
        _create(path, b"first")
        try:
            _create(path, b"second")
        except FileExistsError:
            if path.read_bytes() == b"first":
                return
        raise StorageError(
            f"{folder}: a second file took the name of a first; choose a data directory on a "
            "file system with hard links"
        )
    except OSError as error:
        raise StorageError(
            f"{folder}: shards can't be written here ({error.strerror or error}); choose a data "
            "directory that every worker can write, on a file system with hard links"
        ) from error
    finally:
        with suppress(OSError):
            path.unlink()


@cache
def prove_remote(url: str) -> None:
    """Put an object, and see that a second one can't take its name; once per process.

    Raises:
        StorageError: Shards can't be committed there; it is named.
    """
    remote, name = Remote(url), f"proof/{secrets.token_hex(6)}"
    remote.create(name, b"first")
    try:
        with suppress(FileExistsError):
            remote.create(name, b"second")
        if remote.read(name) != b"first":
            raise StorageError(
                f"{remote.url}: a second object took the name of a first; choose a store that "
                "honours If-None-Match"
            )
    finally:
        with suppress(StorageError):
            remote.remove(name)


def _create(path: Path, content: bytes) -> None:
    with creating(path) as part:
        part.write_bytes(content)
