"""The one door through which registries and organisations are asked for contacts over HTTPS.

It is no way out to targets: it dials the hosts that the asker may ask, over TLS, at addresses that
our own resolver gives and that a campaign of this kind may send to, and never an address that is to
be avoided: a server under report, or one that opted out.  A redirect is followed to an allowed host
only, a few times.  What comes in is bounded, in bytes and in time, whatever the peer does.
"""

import http.client
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import SplitResult, urljoin, urlsplit

from survey.enrichment.contacts.names import Names, UnsureError
from survey.enrichment.contacts.pace import Pace
from survey.errors import ConfigError, GateClosedError
from survey.model.address import format_ip
from survey.targets.ranges import RangeSet

SECONDS = 15.0
"""Patience with one answer, from dialling to its last byte."""
MOST = 512 << 10
"""Bytes of an answer that are read; RDAP answers have some tens of thousands."""
REDIRECTS = 3
HTTPS = 443
_OK, _BUSY, _UNAVAILABLE = 200, 429, 503
_MISSING = {404, 410}
_MOVED = {301, 302, 303, 307, 308}
_LONGEST_PATH = 1000


@dataclass(frozen=True, slots=True)
class Page:
    """What a server had.

    Attributes:
        server: ``host`` or ``host:port`` of the one that answered, after redirects.
        data: Its bytes; None if it knows of no such thing.
    """

    server: str
    data: bytes | None


@dataclass(frozen=True, slots=True)
class Ways:
    """Where one kind of question may go, and how.

    Attributes:
        may_ask: Whether a ``host`` or ``host:port`` may be asked.
        accept: Media types that are asked for and taken.
        per_minute: Questions to one server.
        authority: PEM file with whom to trust instead of the system's authorities, or None.
        most: Bytes of an answer.
    """

    may_ask: Callable[[str], bool]
    accept: tuple[str, ...]
    per_minute: float
    authority: Path | None = None
    most: int = MOST


class ContactsDoor:
    """The way out; every question of a process goes through one of it."""

    def __init__(
        self, names: Names, reach: RangeSet, agent: str, pace: Pace, seconds: float = SECONDS
    ) -> None:
        """Where names are looked up and where we may send at all; who we are; how often."""
        self._names, self._reach, self._agent, self._pace = names, reach, agent, pace
        self._seconds = seconds

    def get(self, url: str, ways: Ways, avoid: RangeSet) -> Page:
        """What a server has at ``url``.

        Args:
            url: ``https://host[:port]/path``.
            ways: Where the question may go.
            avoid: Addresses that are not dialled.

        Raises:
            GateClosedError: ``url`` itself may not be asked.
            UnsureError: No usable answer came; it may be asked again later.
        """
        if not _is_allowed(urlsplit(url), ways):
            raise GateClosedError(f"{url[:200]}: contacts.toml allows no question to this host")
        for _ in range(REDIRECTS + 1):
            parts = urlsplit(url)
            if not _is_allowed(parts, ways):
                raise UnsureError(f"it leads to {parts.netloc[:80]!r}, which may not be asked")
            answer = self._ask(parts, ways, avoid)
            if not isinstance(answer, str):
                return answer
            try:
                url = urljoin(url, answer)
            except ValueError as error:
                raise UnsureError(f"{parts.netloc} leads to what is no address") from error
        raise UnsureError(f"{parts.netloc} leads on more than {REDIRECTS} times")

    def _ask(self, parts: SplitResult, ways: Ways, avoid: RangeSet) -> Page | str:
        """An answer, or where it leads."""
        server, host = parts.netloc, parts.hostname or ""
        ip = self._address(host, avoid)
        self._pace.turn(server, ways.per_minute)
        context = _trust(ways.authority)
        try:
            with _connected(ip, parts.port or HTTPS, host, context, self._seconds) as connection:
                target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
                connection.request(
                    "GET",
                    target,
                    headers={
                        "Host": server,
                        "User-Agent": self._agent,
                        "Accept": ", ".join(ways.accept),
                        "Accept-Encoding": "identity",
                        "Connection": "close",
                    },
                )
                answer = connection.getresponse()
                data = answer.read(ways.most + 1) if answer.status == _OK else b""
        except (OSError, http.client.HTTPException, ValueError) as error:
            self._pace.silent(server)
            raise UnsureError(f"{server} does not answer ({_why(error)})") from error
        self._pace.answered(server)
        return self._understood(server, answer, data, ways)

    def _understood(
        self, server: str, answer: http.client.HTTPResponse, data: bytes, ways: Ways
    ) -> Page | str:
        if answer.status in _MOVED:
            return answer.headers.get("Location", "")[:_LONGEST_PATH]
        if answer.status in _MISSING:
            return Page(server, None)
        if answer.status in {_BUSY, _UNAVAILABLE}:
            self._pace.busy(server, _seconds_of(answer.headers.get("Retry-After", "")))
            raise UnsureError(f"{server} is busy (HTTP {answer.status})")
        if answer.status != _OK:
            raise UnsureError(f"{server} answers with HTTP {answer.status}")
        kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if kind not in ways.accept:
            raise UnsureError(f"{server} answers with {kind[:60]!r}, not {ways.accept[0]}")
        if answer.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise UnsureError(f"{server} answers encoded, which was not asked for")
        if len(data) > ways.most:
            raise UnsureError(f"{server} answers with more than {ways.most:,} bytes")
        if answer.length:
            raise UnsureError(f"{server} hung up in the middle of its answer")
        return Page(server, data)

    def _address(self, host: str, avoid: RangeSet) -> int:
        addresses = self._names.addresses(host)
        if any(ip in avoid for ip in addresses):
            raise UnsureError(f"{host} is the server itself, or has opted out")
        for ip in addresses:
            if ip in self._reach:
                return ip
        raise UnsureError(f"{host} has no address that may be dialled")


def _is_allowed(parts: SplitResult, ways: Ways) -> bool:
    try:
        port = parts.port
    except ValueError:
        return False
    host = parts.hostname or ""
    server = host if port in {None, HTTPS} else f"{host}:{port}"
    plain = parts.username is None and parts.password is None
    printable = all("!" <= each <= "~" for each in parts.geturl())
    return parts.scheme == "https" and plain and printable and ways.may_ask(server)


def _trust(authority: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=authority)
    except OSError as error:
        raise ConfigError(authority, "", "holds no certificate", "give a PEM file") from error


@contextmanager
def _connected(
    ip: int, port: int, host: str, context: ssl.SSLContext, seconds: float
) -> Iterator[http.client.HTTPConnection]:
    """A connection that ends after ``seconds``, however slowly the peer drips."""
    with (
        socket.create_connection((format_ip(ip), port), seconds) as raw,
        raw.dup() as wire,  # TLS takes the first one over
    ):
        late = threading.Event()
        timer = threading.Timer(seconds, _hang_up, [wire, late])
        timer.daemon = True
        timer.start()
        try:
            with context.wrap_socket(raw, server_hostname=host) as secured:
                connection = http.client.HTTPConnection(host, port)
                connection.sock = secured
                yield connection
        finally:
            timer.cancel()
        if late.is_set():  # what looks like its end was ours
            raise TimeoutError(f"not within {seconds:g} s")


def _hang_up(wire: socket.socket, late: threading.Event) -> None:
    late.set()
    with suppress(OSError):
        wire.shutdown(socket.SHUT_RDWR)


def _seconds_of(text: str) -> float | None:
    """Retry-After in seconds (RFC 9110 s10.2.3)."""
    if text.isascii() and text.strip().isdigit():
        return float(text[:9])
    try:
        return (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds()
    except (ValueError, TypeError):
        return None


def _why(error: Exception) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:100]}" if text else type(error).__name__
