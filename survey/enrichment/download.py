"""The one door through which publishers' files come in; it has its own list of hosts.

It is no way out to targets: only hosts of the list are asked, over TLS, or those of one mirror
that the operator names.  A redirect that leads elsewhere is an error.  What comes in is bounded, of
an expected type and as long as announced, or it is thrown away.  A broken transfer goes on where it
stopped, a few times.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urljoin, urlsplit

import urllib3

from survey.errors import StorageError

Progress = Callable[[int, int | None], None]
"""Told how many bytes are here, and how many there will be if that is known."""

ATTEMPTS = 5
REDIRECTS = 3
CONNECT_SECONDS = 10.0
SILENT_SECONDS = 30.0
_CHUNK = 64 << 10
_TYPES = frozenset(
    {
        "",  # a server need not know (RFC 9110 s8.3); the import looks at every line anyhow
        "application/csv",
        "application/gzip",
        "application/octet-stream",
        "application/x-gzip",
        "application/x-maxmind-db",
        "binary/octet-stream",
        "text/csv",
        "text/plain",
        "text/tab-separated-values",
    }
)
_OK, _PART, _MISSING, _BEYOND = 200, 206, 404, 416
_MOVED = {301, 302, 303, 307, 308}
_BUSY = {429, 500, 502, 503, 504}


class MissingError(StorageError):
    """The publisher has no such file."""


@dataclass(frozen=True, slots=True)
class Door:
    """Where a download may go.

    Attributes:
        hosts: Host names that may be asked.
        mirror: ``scheme://host[:port][/path]`` that is asked instead of the publisher, or "".
    """

    hosts: frozenset[str]
    mirror: str = ""

    def first(self, url: str) -> str:
        """The address to begin with."""
        if not self.mirror:
            return url
        return self.mirror.rstrip("/") + urlsplit(url).path

    def check(self, url: str) -> None:
        """Raise a StorageError unless this address may be asked."""
        parts = urlsplit(url)
        if self.mirror:
            mirror = urlsplit(self.mirror)
            allowed = (parts.scheme, parts.netloc) == (mirror.scheme, mirror.netloc)
        else:
            allowed = (
                parts.scheme == "https"
                and parts.hostname in self.hosts
                and parts.port is None
                and parts.username is None
            )
        if not allowed:
            raise StorageError(f"{url}: is not among the hosts that registries are fetched from")


@dataclass(frozen=True, slots=True)
class Limits:
    """What a whole file looks like: its least and most bytes, and its media types."""

    least: int
    most: int
    types: frozenset[str] = _TYPES


def download(  # noqa: D417 - pause is for tests
    url: str,
    path: Path,
    door: Door,
    limits: Limits,
    *,
    progress: Progress,
    pause: Callable[[float], None] = time.sleep,
) -> None:
    """Write what a publisher has at ``url`` to a new file.

    Args:
        url: Of the publisher.
        path: Where to put it.
        door: Where it may go.
        limits: What is believed.
        progress: Told as it comes in.

    Raises:
        MissingError: The publisher has no such file.
        StorageError: It can't be had, or it is not what was asked for.
    """
    with path.open("wb") as file, urllib3.PoolManager(retries=False) as pool:
        transfer = _Transfer(pool, door, limits, progress, file, door.first(url))
        problem = ""
        for attempt in range(ATTEMPTS):
            if attempt:
                pause(2.0 ** (attempt - 1))
            try:
                problem = transfer.go_on()
            except urllib3.exceptions.HTTPError as error:
                problem = type(error).__name__
            if not problem:
                return
        raise StorageError(
            f"{transfer.url}: can't be fetched ({problem}, {ATTEMPTS} times); try again later"
        )


@dataclass(slots=True)
class _Transfer:
    """One file on its way, over as many connections as it takes."""

    pool: urllib3.PoolManager
    door: Door
    limits: Limits
    progress: Progress
    file: BinaryIO
    url: str
    mark: str = ""
    """Strong entity tag or date of what has come in so far (RFC 9110 s13.1.5)."""

    def go_on(self) -> str:
        """Fetch what is missing; "" once it is whole, else why it is not."""
        here = self.file.tell()
        response = self._ask(here)
        try:
            if response.status in _BUSY or response.status == _BEYOND:
                if response.status == _BEYOND:
                    self._start_over()
                return f"HTTP {response.status}"
            if here and response.status == _OK:  # it changed, or the server can't go on
                self._start_over()
                here = 0
            total = self._check(response, here)
            for chunk in response.stream(_CHUNK, decode_content=False):
                self.file.write(chunk)
                here += len(chunk)
                if here > self.limits.most:
                    raise self._wrong(f"is larger than {self.limits.most:,} bytes")
                self.progress(here, total)
            if total is not None and here < total:
                return "cut off"
            if not self.limits.least <= here:
                raise self._wrong(f"has {here:,} bytes, and a whole file {self.limits.least:,}")
            return ""
        finally:
            response.close()

    def _ask(self, here: int) -> urllib3.BaseHTTPResponse:
        """The answer of the host that has it, after at most REDIRECTS redirects."""
        headers = {"User-Agent": f"survey/{version('survey')}", "Accept-Encoding": "identity"}
        if here and self.mark:
            headers |= {"Range": f"bytes={here}-", "If-Range": self.mark}
        url = self.url
        for _ in range(REDIRECTS + 1):
            self.door.check(url)
            response = self.pool.request(
                "GET",
                url,
                headers=headers,
                redirect=False,
                preload_content=False,
                timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=SILENT_SECONDS),
            )
            if response.status not in _MOVED:
                return response
            response.close()
            url = urljoin(url, response.headers.get("Location", ""))
        raise self._wrong(f"is moved more than {REDIRECTS} times")

    def _check(self, response: urllib3.BaseHTTPResponse, here: int) -> int | None:
        """How many bytes the whole has, if the answer says so."""
        if response.status == _MISSING:
            raise MissingError(f"{self.url}: the publisher has no such file")
        if response.status != (_PART if here else _OK):
            raise self._wrong(f"is refused (HTTP {response.status})")
        kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if kind not in self.limits.types:
            raise self._wrong(f"is of type {kind[:80]!r}, which no registry file has")
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise self._wrong("is encoded, which was not asked for")
        if here and not response.headers.get("Content-Range", "").startswith(f"bytes {here}-"):
            raise self._wrong("goes on at another place than asked for")
        tag = response.headers.get("ETag", "")
        self.mark = response.headers.get("Last-Modified", "") if tag[:1] != '"' else tag
        length = response.headers.get("Content-Length", "")
        if not length.isdigit():
            return None
        total = here + int(length)
        if not self.limits.least <= total <= self.limits.most:
            raise self._wrong(
                f"has {total:,} bytes, and not {self.limits.least:,} to {self.limits.most:,}"
            )
        return total

    def _start_over(self) -> None:
        self.file.seek(0)
        self.file.truncate()
        self.mark = ""

    def _wrong(self, problem: str) -> StorageError:
        return StorageError(f"{self.url}: {problem}; fetch it by hand and import it")
