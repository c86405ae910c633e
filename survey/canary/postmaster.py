"""Mail to postmaster and abuse, kept for the people who answer it; no other body is ever kept.

One file per message in a 0700 folder, 0600, named by time of arrival.  The first line is ours and
names the envelope sender, as final delivery does (RFC 5321 s4.4).  Size, number
and age are bounded.
"""

import secrets
from datetime import datetime, timedelta
from pathlib import Path

from survey.storage.files import creating, private_folder

MOST_MESSAGES = 1_000
"""Beyond this, new mail is put off (452) until somebody has read and removed some."""
KEPT_DAYS = 90
"""Messages older than this are removed by the canary itself (law 10)."""
_SUFFIX = ".eml"


class PostmasterFolder:
    """The messages to our staff under one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, message: bytes, sender: bytes, at: datetime) -> bool:
        """Write one message to disk for good; False if the folder is full.

        Raises:
            OSError: The disk does not take it.
        """
        private_folder(self._folder)
        if len(self._messages()) >= MOST_MESSAGES:
            return False
        name = f"{at:%Y%m%dT%H%M%S.%fZ}-{secrets.token_hex(4)}{_SUFFIX}"
        with creating(self._folder / name) as part:
            part.write_bytes(b"Return-Path: <" + _one_line(sender) + b">\r\n" + message)
        return True

    def expire(self, now: datetime) -> None:
        """Remove what is past its time."""
        if not self._folder.is_dir():
            return
        oldest = (now - timedelta(days=KEPT_DAYS)).timestamp()
        for path in self._messages():
            if path.stat().st_mtime < oldest:
                path.unlink(missing_ok=True)

    def _messages(self) -> list[Path]:
        return [path for path in self._folder.iterdir() if path.suffix == _SUFFIX]


def _one_line(text: bytes) -> bytes:
    return bytes(byte for byte in text if 0x20 <= byte < 0x7F and byte not in b"<>")  # noqa: PLR2004
