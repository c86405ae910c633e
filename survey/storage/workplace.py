"""Where a worker finds its work and commits its shard: a folder that all share, or a URL.

At a URL, plan, round and found targets are fetched once, for they never change; a shard is
committed by one conditional put, and who loses the race gets what is there.
"""

import secrets
import tempfile
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pyarrow as pa

from survey.errors import StorageError
from survey.model.assignment import Receipt
from survey.settings import copy_folder
from survey.storage.files import private_folder
from survey.storage.layout import Layout
from survey.storage.messages import message_line, note_message, read_messages
from survey.storage.proof import prove, prove_remote
from survey.storage.remote import Remote, is_url
from survey.storage.shard_file import read_receipt, write_shard


@dataclass(frozen=True, slots=True)
class Workplace:
    """The data directory as a worker sees it.

    Attributes:
        layout: The folder; of a URL, this machine's copy.
        remote: The URL, or None for a folder.
    """

    layout: Layout
    remote: Remote | None

    def have(self, *paths: Path) -> None:
        """See that files that never change are here.

        Raises:
            StorageError: The URL can't be used, or lacks one.
        """
        if self.remote is None:
            return
        for path in paths:
            if not path.exists():
                try:
                    self.remote.fetch(self._name(path), path)
                except FileNotFoundError as error:
                    raise StorageError(f"{error}: is not there; run `survey sync` first") from error

    def may_have(self, path: Path) -> None:
        """The same for a file that is there or not."""
        if self.remote is not None and not path.exists():
            with suppress(FileNotFoundError):
                self.remote.fetch(self._name(path), path)

    def committed(self, path: Path) -> Receipt | None:
        """The receipt of a shard, if somebody has committed it."""
        self.may_have(path)
        return read_receipt(path) if path.exists() else None

    def prove(self, folder: Path) -> None:
        """See that it keeps what law 6 stands on, once per process.

        Raises:
            StorageError: It does not.
        """
        if self.remote is None:
            prove(folder)
        else:
            prove_remote(self.remote.url)

    def commit(self, path: Path, table: pa.Table, receipt: Receipt) -> Receipt:
        """Commit a shard; whoever comes second gets the first one's receipt.

        Raises:
            StorageError: It can't be written.
        """
        if self.remote is None:
            return write_shard(path, table, receipt)
        private_folder(path.parent)
        with tempfile.TemporaryDirectory(prefix="commit-", dir=path.parent) as folder:
            mine = Path(folder) / path.name
            write_shard(mine, table, receipt)
            try:
                self.remote.create(self._name(path), mine)
            except FileExistsError:
                first = self.committed(path)
                if first is None:
                    raise StorageError(f"{self.remote.url}: lost a shard; run it again") from None
                return first
        return receipt

    def messages(self, path: Path) -> tuple["Counter[int]", Callable[[int], None]]:
        """How many messages each address of a shard was sent, and how to note one more."""
        if self.remote is None:
            return read_messages(path), partial(note_message, path)
        sent: Counter[int] = Counter()
        for name in self.remote.names(self._name(path.parent)):
            one = self.layout.root / name
            if one.name.startswith(f"{path.stem}."):
                self.remote.fetch(name, one)
                sent += read_messages(one)
        return sent, partial(self._note, path)

    def _note(self, path: Path, ip: int) -> None:
        """One object for each message: nothing can be appended to an object."""
        assert self.remote is not None
        name = self._name(path.with_suffix(f".{secrets.token_hex(8)}.log"))
        self.remote.create(name, message_line(ip))

    def _name(self, path: Path) -> str:
        return path.relative_to(self.layout.root).as_posix()


def open_workplace(data: str) -> Workplace:
    """The workplace at a folder or URL.

    Raises:
        ConfigError: It looks like a URL and is none of an object store.
    """
    if not is_url(data):
        return Workplace(Layout(Path(data)), None)
    remote = Remote(data)
    return Workplace(Layout(copy_folder(remote.url)), remote)
