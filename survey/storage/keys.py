"""Secret keys: 0600 files in a folder apart from the data, never in plans, task keys or logs."""

import os
import secrets
from pathlib import Path

from survey.errors import ConfigError
from survey.storage.files import private_folder

KEY_BYTES = 32
TOKEN = "token"  # noqa: S105 - a file's name
"""Name of the key that tokens and nonces are made with, one per organisation."""

EXPERIMENT = "experiment"
"""Name of the key by which lots are drawn for cases, so that nobody can choose who waits."""

LETTERS = "letters"
"""Name of the key by which what comes back is known to be about a letter of ours."""

SITE = "site"
"""Name of the key by which addresses of cases' pages are made, so that nobody can guess one."""


def make_key(folder: Path, name: str) -> bytes:
    """The key ``name``, made if it is not there yet; 32 random bytes as hex in a 0600 file."""
    path = private_folder(folder) / f"{name}.key"
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return read_key(folder, name)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_hex(KEY_BYTES) + "\n")
        file.flush()
        os.fsync(file.fileno())
    return read_key(folder, name)


def read_key(folder: Path, name: str) -> bytes:
    """The key ``name``.

    Raises:
        ConfigError: It is missing, others may read it, or it is not a key.
    """
    path = folder / f"{name}.key"
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="ascii").strip()
    except OSError as error:
        raise ConfigError(
            path, "", f"can't be read ({error.strerror})", "make it with `survey keys init`"
        ) from error
    if mode & 0o077:
        raise ConfigError(path, "", "others may read this key", f"chmod 600 {path}")
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise ConfigError(path, "", "is not a key of 32 bytes in hex", "restore it from your copy")
    return key
