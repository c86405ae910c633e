"""This machine's copy of the tables at a URL: what others wrote is fetched, what we wrote is put.

Tables are read where they are fast to read, and never stale: a committed object does not change
under its name, and one that is made anew has another ETag.  What belongs to one machine (locks,
queues, logs) is never put.  ``copy.json`` says which object each file is the same as; without it,
as after a crash, contents are compared.
"""

import hashlib
import json
import re
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from survey.errors import StorageError
from survey.storage.files import private_folder, replace_text
from survey.storage.layout import SHARD_NAME, Layout, RunLayout
from survey.storage.manifest import shard_files, write_manifest
from survey.storage.remote import Remote

_RUN = r"campaigns/[^/]+/[^/]+"
SHARED = re.compile(
    rf"campaigns/[^/]+/(retention\.json|[^/]+\.parquet)"
    rf"|{_RUN}/(plan\.json|done\.json|[^/]+\.parquet)"
    rf"|{_RUN}/(rounds/[^/]+/)?(shards/shard-\d{{6}}\.parquet|messages/shard-[^/]+\.log)"
    rf"|{_RUN}/rounds/[^/]+/(round|done)\.json"
    r"|registries/[^/]+/[^/]+/[^/]+\.(parquet|json)"
    r"|arrivals/[^/]+\.parquet|listings/[^/]+\.parquet"
)
"""What lies at the URL; the rest of a data directory is each machine's own."""

_REMOVABLE = "/messages/"
"""All other tables are emptied when they have to go, and never removed."""

Kind = TypeVar("Kind")

_AT_ONCE = 8
"""Objects that are fetched at the same time: there may be thousands, each a question away."""

_LAST = ("snapshot.json", "done.json")
"""What says that other files are whole comes after them."""


@dataclass(frozen=True, slots=True)
class Exchanged:
    """How many files were fetched and put."""

    fetched: int = 0
    put: int = 0


class WorkingCopy:
    """A data directory that is a copy of what lies at a URL."""

    def __init__(self, layout: Layout, remote: Remote) -> None:
        """See ``exchange``."""
        private_folder(layout.root)
        self._layout, self._remote = layout, remote
        self._state = layout.root / "copy.json"
        self._known = self._read()
        self.id = str(self._known.setdefault("", [secrets.token_hex(8), ""])[0])
        """Tells this copy apart from others."""
        self._write()

    def exchange(self) -> Exchanged:
        """Fetch what others wrote, then put what was written here.

        Raises:
            StorageError: The store can't be used; or two machines wrote the same table.
        """
        return Exchanged(self.fetch(), self.put())

    def fetch(self, prefix: str = "") -> int:
        """Fetch what is new at the URL; how many files.

        A file that was written here meanwhile is left as it is: ``put`` decides about it.
        """
        there = self._remote.names(prefix)
        self._forget(prefix, there)
        wanted = [
            name
            for name, etag in there.items()
            if SHARED.fullmatch(name) and not self._is_same(name, self._layout.root / name, etag)
        ]
        try:
            with ThreadPoolExecutor(_AT_ONCE) as pool:
                for last in (False, True):
                    some = [name for name in wanted if name.endswith(_LAST) == last]
                    list(pool.map(self._fetch, some))
        finally:
            self._write()
        paths = (self._layout.root / name for name in wanted)
        for root in sorted({path.parent.parent for path in paths if SHARD_NAME.match(path.name)}):
            run = RunLayout(root)
            write_manifest(run, shard_files(run).receipts())
        return len(wanted)

    def _fetch(self, name: str) -> None:
        path = self._layout.root / name
        self._known[name] = [self._remote.fetch(name, path), _mark(path)]

    def put(self) -> int:
        """Put what was written here; how many files."""
        done = 0
        try:
            for name in [one for one in self._known if self._is_removed(one)]:
                self._remote.remove(name)
                del self._known[name]
            for name, path in _in_order(dict(self._files())):
                mark = _mark(path)
                known = self._known.get(name)
                if known is not None and known[1] == mark:
                    continue
                self._known[name] = [self._put(name, path, known), mark]
                done += 1
        finally:
            self._write()
        return done

    def _put(self, name: str, path: Path, known: list[str] | None) -> str:
        if known is not None:
            return self._remote.replace(name, path, known[0])
        try:
            return self._remote.create(name, path)
        except FileExistsError as error:
            etag = self._remote.etag(name)
            if etag != _etag(path):
                raise StorageError(
                    f"{self._remote.url}/{name}: another machine put another file there; move "
                    f"{path} away and run it again"
                ) from error
            return etag

    def _files(self) -> Iterator[tuple[str, Path]]:
        for path in sorted(self._layout.root.rglob("*")):
            name = path.relative_to(self._layout.root).as_posix()
            if SHARED.fullmatch(name) and path.is_file():
                yield name, path

    def _is_same(self, name: str, path: Path, etag: str) -> bool:
        """Whether the file here is that object, or was written since it was one."""
        if not path.exists():
            return self._is_removed(name)
        known = self._known.get(name)
        if known is None:
            if _etag(path) == etag:
                self._known[name] = [etag, _mark(path)]
            return True
        return known[0] == etag or known[1] != _mark(path)

    def _is_removed(self, name: str) -> bool:
        """Whether the file was an object's copy, may be removed, and was."""
        removable = name in self._known and _REMOVABLE in name
        return removable and not (self._layout.root / name).exists()

    def _forget(self, prefix: str, there: dict[str, str]) -> None:
        """Remove here what another machine removed there."""
        gone = [one for one in self._known if _REMOVABLE in one and one not in there]
        for name in gone:
            if name.startswith(prefix) and (self._layout.root / name).exists():
                (self._layout.root / name).unlink()
                del self._known[name]

    def _read(self) -> dict[str, list[str]]:
        try:
            content = json.loads(self._state.read_text(encoding="utf-8"))
            return {name: [str(etag), str(mark)] for name, (etag, mark) in content.items()}
        except (OSError, ValueError, TypeError, AttributeError):
            return {}  # contents are compared instead

    def _write(self) -> None:
        replace_text(self._state, json.dumps(self._known, indent=0) + "\n")


def _in_order(files: dict[str, Kind]) -> list[tuple[str, Kind]]:
    return sorted(files.items(), key=lambda pair: (pair[0].endswith(_LAST), pair[0]))


def _mark(path: Path) -> str:
    status = path.stat()
    return f"{status.st_size}:{status.st_mtime_ns}"


def _etag(path: Path) -> str:
    """What the store calls an object of one part: its MD5, in quotes."""
    with path.open("rb") as file:
        return (
            f'"{hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()}"'
        )
