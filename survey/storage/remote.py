"""An object store that several machines share: names and bytes, each put whole or not at all.

What a folder has by ``link`` an object store has by a conditional put: a name is taken once
(``If-None-Match: *``), and replaced only as it was known (``If-Match``).  Endpoint and credentials
come from the environment (``AWS_ENDPOINT_URL``, ``AWS_ACCESS_KEY_ID``, ...), never from the URL, so
that they are in no plan, task or log.
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, PreconditionError
from obstore.store import S3Store

from survey.errors import ConfigError, StorageError
from survey.storage.files import private_folder, replacing

_URL = re.compile(r"s3://[a-z0-9][a-z0-9._-]+(/[A-Za-z0-9._/-]*)?")


class ReplacedError(StorageError):
    """Somebody else put another object under this name meanwhile."""


def is_url(data: str) -> bool:
    """Whether ``--data`` names an object store and not a folder."""
    return "://" in data


class Remote:
    """Objects below one URL, such as ``s3://bucket/prefix``."""

    def __init__(self, url: str) -> None:
        """See ``url``; nothing is asked of the store yet.

        Raises:
            ConfigError: It is no such URL.
        """
        if not _URL.fullmatch(url):
            raise ConfigError(
                "--data",
                "",
                "is no URL of an object store",
                "write it like s3://bucket/prefix, with credentials in the environment",
            )
        self.url = url.rstrip("/")
        self._store = S3Store.from_url(
            self.url, retry_config={"max_retries": 4, "retry_timeout": timedelta(seconds=30)}
        )

    def create(self, name: str, content: Path | bytes) -> str:
        """Put an object under a name that is free; its ETag.

        Raises:
            FileExistsError: The name is taken, perhaps by an earlier try of our own.
            StorageError: The store can't be reached, or refuses.
        """
        with self._told(name):
            try:
                put = obstore.put(self._store, name, content, mode="create", use_multipart=False)
            except (AlreadyExistsError, PreconditionError) as error:
                raise FileExistsError(f"{self.url}/{name}") from error
        return str(put["e_tag"])

    def replace(self, name: str, content: Path | bytes, etag: str) -> str:
        """Put an object in the place of the one with that ETag; the new one's.

        Raises:
            ReplacedError: There is another one by now, or none.
            StorageError: As of ``create``.
        """
        with self._told(name):
            try:
                put = obstore.put(
                    self._store, name, content, mode={"e_tag": etag}, use_multipart=False
                )
            except (PreconditionError, FileNotFoundError, AlreadyExistsError) as error:
                raise ReplacedError(
                    f"{self.url}/{name}: another machine wrote it meanwhile; run it again"
                ) from error
        return str(put["e_tag"])

    def fetch(self, name: str, path: Path) -> str:
        """Write an object to a file, whole; its ETag.

        Raises:
            FileNotFoundError: There is no such object.
            StorageError: As of ``create``, or the file can't be written.
        """
        private_folder(path.parent)
        with self._told(name):
            try:
                got = obstore.get(self._store, name)
            except FileNotFoundError as error:
                raise FileNotFoundError(f"{self.url}/{name}") from error
            self._save(got, path)
            return str(got.meta["e_tag"])

    @staticmethod
    def _save(got: Iterable[Any], path: Path) -> None:
        try:
            with replacing(path) as part, part.open("wb") as file:
                for chunk in got:
                    file.write(chunk)
        except OSError as error:
            raise StorageError(f"{path}: can't be written: {error.strerror or error}") from error

    def read(self, name: str) -> bytes:
        """The bytes of a small object.

        Raises:
            FileNotFoundError: There is no such object.
            StorageError: As of ``create``.
        """
        with self._told(name):
            try:
                return bytes(obstore.get(self._store, name).bytes())
            except FileNotFoundError as error:
                raise FileNotFoundError(f"{self.url}/{name}") from error

    def etag(self, name: str) -> str:
        """The ETag of one object, or "" if there is none."""
        with self._told(name):
            try:
                return str(obstore.head(self._store, name)["e_tag"])
            except FileNotFoundError:
                return ""

    def names(self, prefix: str = "") -> dict[str, str]:
        """Every object below a folder, sorted, with its ETag.

        Raises:
            StorageError: As of ``create``.
        """
        with self._told(prefix):
            some = obstore.list(self._store, prefix=prefix or None)
            return dict(sorted((one["path"], str(one["e_tag"])) for part in some for one in part))

    def remove(self, name: str) -> None:
        """Take an object away; nothing if there is none."""
        with self._told(name):
            obstore.delete(self._store, name)

    @contextmanager
    def _told(self, name: str) -> Iterator[None]:
        """Whatever else the store answers, in one line; its answers may hold what we sent."""
        try:
            yield
        except (BaseError, OSError) as error:
            if isinstance(error, FileExistsError | FileNotFoundError) and (
                str(error) == f"{self.url}/{name}"
            ):
                raise  # ours
            kind = type(error).__name__.removesuffix("Error")
            raise StorageError(
                f"{self.url}/{name}: the object store can't be used ({kind}); see that the bucket, "
                "AWS_ENDPOINT_URL and the credentials are right"
            ) from error
