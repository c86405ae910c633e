"""Where what comes back is read: a maildir or an IMAP folder; nothing is changed there.

Both are people's mailboxes.  What was read is remembered by us, by a name that the mailbox gives
each message for good.
"""

import imaplib
import mailbox
import ssl
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Protocol

from survey.errors import ConfigError, StorageError
from survey.mail.incoming import MOST_BYTES

LOOKED_BACK = timedelta(days=60)
"""Nobody answers for a letter that is older than this; older messages are not looked at."""
_SECONDS = 60.0

Unread = tuple[str, Callable[[], bytes]]
"""A message's name for good, and how to get it."""


class Source(Protocol):
    """One mailbox."""

    def messages(self, now: datetime) -> Iterator[Unread]:
        """Messages of the last ``LOOKED_BACK``, oldest first as far as it can tell.

        Raises:
            StorageError: It can't be read.
        """


@dataclass(frozen=True, slots=True)
class Maildir:
    """A maildir on this machine.

    Attributes:
        path: The folder with ``new`` and ``cur``.
    """

    path: Path

    def messages(self, now: datetime) -> Iterator[Unread]:
        """Every message, read by somebody or not."""
        if not (self.path / "new").is_dir() or not (self.path / "cur").is_dir():
            raise ConfigError(self.path, "", "is no maildir", "name the folder with new and cur")
        box = mailbox.Maildir(self.path, create=False)
        since = (now - LOOKED_BACK).timestamp()
        try:
            for key in sorted(box.keys()):
                with suppress(KeyError):  # somebody moved it away meanwhile
                    if box.get_message(key).get_date() >= since:
                        yield key, partial(_bytes, box, key)
        except OSError as error:
            raise StorageError(f"{self.path}: can't be read: {error.strerror}") from error


@dataclass(frozen=True, slots=True)
class Imap:
    """A folder of an IMAP server, over TLS that is verified; opened for reading only (RFC 3501).

    Attributes:
        host: The server's name, which its certificate must have.
        port: TCP port; TLS from the first byte.
        authority: PEM file with who may have signed its certificate; None: who the system trusts.
        user: Our user there.
        password: Its password.
        folder: Which folder.
    """

    host: str
    port: int
    authority: Path | None
    user: str
    password: str
    folder: str

    def messages(self, now: datetime) -> Iterator[Unread]:
        """Every message, seen or not; ``BODY.PEEK`` leaves no flag."""
        try:
            context = ssl.create_default_context(cafile=self.authority)
        except (OSError, ssl.SSLError) as error:
            raise ConfigError(
                self.authority, "", f"can't be read as certificates ({error})", "put a PEM file"
            ) from error
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            with imaplib.IMAP4_SSL(
                self.host, self.port, ssl_context=context, timeout=_SECONDS
            ) as box:
                box.login(self.user, self.password)
                yield from self._messages(box, now)
        except (imaplib.IMAP4.error, OSError) as error:
            raise StorageError(f"{self.host}: the mailbox can't be read: {error}") from error

    def _messages(self, box: imaplib.IMAP4_SSL, now: datetime) -> Iterator[Unread]:
        answer, said = box.select(f'"{self.folder}"', readonly=True)
        if answer != "OK":
            raise StorageError(f"{self.host}: there is no folder {self.folder!r}")
        validity = box.response("UIDVALIDITY")[1][0]
        age = validity.decode("ascii", "replace") if isinstance(validity, bytes) else "0"
        since = imaplib.Time2Internaldate((now - LOOKED_BACK).timestamp())[1:12].strip()
        answer, said = box.uid("SEARCH", f"SINCE {since}")
        for uid in said[0].split() if answer == "OK" and said[0] else ():
            number = uid.decode("ascii")
            name = f"{self.host}/{self.folder}/{age}/{number}"
            yield name, partial(_fetch, box, number)


def _bytes(box: mailbox.Maildir, key: str) -> bytes:
    """A message; one that somebody took away meanwhile is empty."""
    try:
        return box.get_bytes(key)[:MOST_BYTES]
    except KeyError:
        return b""


def _fetch(box: imaplib.IMAP4_SSL, number: str) -> bytes:
    _, said = box.uid("FETCH", number, f"(BODY.PEEK[]<0.{MOST_BYTES}>)")
    found = [part[1] for part in said if isinstance(part, tuple)]
    return bytes(found[0]) if found else b""
