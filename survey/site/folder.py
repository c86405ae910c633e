"""A site written whole: a reader sees the old one or the new one, never half of one."""

import ctypes
import os
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path

from survey.errors import ConfigError, StorageError

MARK = "site.json"
"""Only a folder that holds it, or nothing, is ever replaced."""

_AT_FDCWD, _EXCHANGE = -100, 2


def write_site(folder: Path, files: Mapping[str, bytes]) -> None:
    """Put all files (by path below it) where the folder is, in one step; everybody may read them.

    Raises:
        ConfigError: Something else than a site is there.
        StorageError: It can't be written.
    """
    folder = folder.absolute()
    if folder.exists() and not (folder / MARK).is_file() and any(folder.iterdir()):
        raise ConfigError(
            folder, "FOLDER", "holds something else than a site", "name a new or empty folder"
        )
    new = folder.with_name(f".{folder.name}.{secrets.token_hex(6)}")
    try:
        for name, data in files.items():
            path = new / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        for path in (new, *new.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
        _exchange(new, folder)
    except OSError as error:
        raise StorageError(f"{folder}: can't write the site: {error.strerror}") from error
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _exchange(new: Path, folder: Path) -> None:
    """The new one takes the old one's name, in one step; the old one has the new one's then."""
    if not folder.exists():
        new.rename(folder)
        return
    libc = ctypes.CDLL(None, use_errno=True)
    failed = libc.renameat2(
        _AT_FDCWD, os.fsencode(new), _AT_FDCWD, os.fsencode(folder), ctypes.c_uint(_EXCHANGE)
    )
    if failed:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
