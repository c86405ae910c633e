"""The door for publishers' files, against a publisher on this machine that misbehaves."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from survey.enrichment.download import ATTEMPTS, Door, Limits, MissingError, download
from survey.enrichment.fetch import fetch_snapshot
from survey.enrichment.sources import HOSTS, SOURCES, Source
from survey.errors import ConfigError, StorageError
from survey.storage.layout import Layout
from survey.storage.registries import SnapshotKind, list_snapshots

NOW = datetime(2026, 11, 3, 9, 0, tzinfo=UTC)
BODY = b"".join(b"192.0.%d.0,192.0.%d.255,ES\n" % (part, part) for part in range(2, 200))
LIMITS = Limits(100, 100_000)


@dataclass(slots=True)
class Publisher:
    """Answers each request with the next of its replies, the last one for ever.

    Attributes:
        replies: What is done with one request.
        asked: ``path range`` of each request.
        url: Where it listens.
    """

    replies: list[Callable[[BaseHTTPRequestHandler], None]]
    asked: list[str] = field(default_factory=list)
    url: str = ""


@contextmanager
def publishing(*replies: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[Publisher]:
    """A publisher on a free port of 127.0.0.1."""
    publisher = Publisher(list(replies))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            publisher.asked.append(f"{self.path} {self.headers.get('Range', '')}".strip())
            reply = publisher.replies[0]
            if len(publisher.replies) > 1:
                publisher.replies.pop(0)
            self.close_connection = True
            reply(self)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    publisher.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield publisher
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def whole(body: bytes = BODY, **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    """The file, or what is missing of it."""

    def reply(handler: BaseHTTPRequestHandler) -> None:
        start = int((handler.headers.get("Range") or "bytes=0-")[6:-1])
        handler.send_response(206 if start else 200)
        shown = {"Content-Type": "text/csv; charset=utf-8", "ETag": '"one"'}
        shown |= {"Content-Length": str(len(body) - start)}
        if start:
            shown["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
        for name, value in (
            shown | {key.replace("_", "-"): v for key, v in headers.items()}
        ).items():
            if value:
                handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body[start:])

    return reply


def cut(after: int, **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    """The whole announced, and only a part sent."""

    def reply(handler: BaseHTTPRequestHandler) -> None:
        whole(BODY, **headers)(_Part(handler, after))  # type: ignore[arg-type]

    return reply


class _Part:
    """A handler that stops writing after some bytes of the body."""

    def __init__(self, handler: BaseHTTPRequestHandler, after: int) -> None:
        self._handler = handler
        self.after = after
        self.wfile = self

    def __getattr__(self, name: str) -> object:
        return getattr(self._handler, name)

    def write(self, data: bytes) -> None:
        self._handler.wfile.write(data[: self.after])


def status(code: int, **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    """An empty reply."""

    def reply(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(code)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return reply


def fetched(publisher: Publisher, path: Path, limits: Limits = LIMITS) -> bytes:
    """What a download of ``/file`` brings."""
    door = Door(frozenset(), publisher.url)
    told: list[int] = []
    download(
        "https://publisher.example/file",
        path,
        door,
        limits,
        progress=lambda here, _: told.append(here),
        pause=lambda _: None,
    )
    data = path.read_bytes()
    assert told[-1] == len(data)
    return data


def test_file_comes_in_whole(tmp_path: Path) -> None:
    """As it is, with what is here told on the way."""
    with publishing(whole()) as publisher:
        assert fetched(publisher, tmp_path / "file") == BODY
        assert publisher.asked == ["/file"]


def test_broken_transfer_goes_on_where_it_stopped(tmp_path: Path) -> None:
    """The rest is asked for, not the whole again."""
    with publishing(cut(1000), status(503), cut(500), whole()) as publisher:
        assert fetched(publisher, tmp_path / "file") == BODY
        assert publisher.asked == [
            "/file",
            "/file bytes=1000-",
            "/file bytes=1000-",
            "/file bytes=1500-",
        ]


@pytest.mark.parametrize(
    "second",
    [whole(ETag='"two"', Content_Range=""), status(416)],
    ids=["changed or no ranges", "refused range"],
)
def test_file_that_changed_meanwhile_is_fetched_anew(
    tmp_path: Path, second: Callable[[BaseHTTPRequestHandler], None]
) -> None:
    """Two halves of different files never become one."""

    def changed(handler: BaseHTTPRequestHandler) -> None:
        del handler.headers["Range"]
        second(handler)

    with publishing(cut(1000), changed, whole()) as publisher:
        assert fetched(publisher, tmp_path / "file") == BODY


def test_without_a_mark_it_begins_again(tmp_path: Path) -> None:
    """A server that names no version can't be asked for the rest of one."""
    with publishing(cut(1000, ETag=""), whole()) as publisher:
        assert fetched(publisher, tmp_path / "file") == BODY
        assert publisher.asked == ["/file", "/file"]


def test_retries_are_bounded(tmp_path: Path) -> None:
    """A server that is down is asked a few times, ever more slowly."""
    waited: list[float] = []
    with publishing(status(503)) as publisher, pytest.raises(StorageError, match="HTTP 503, 5"):
        download(
            "https://publisher.example/file",
            tmp_path / "file",
            Door(frozenset(), publisher.url),
            LIMITS,
            progress=lambda *_: None,
            pause=waited.append,
        )
    assert len(publisher.asked) == ATTEMPTS
    assert waited == [1, 2, 4, 8]


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (whole(Content_Type="text/html"), "is of type 'text/html'"),
        (whole(Content_Encoding="gzip"), "is encoded"),
        (whole(b"x" * 50), "has 50 bytes, and not 100 to"),
        (whole(b"x" * 100_001), "has 100,001 bytes, and not"),
        (whole(b"x" * 50, Content_Length=""), "has 50 bytes, and a whole file 100"),
        (whole(b"x" * 200_000, Content_Length=""), "is larger than 100,000"),
        (status(403), "is refused (HTTP 403)"),
        (status(404), "the publisher has no such file"),
        (status(302, Location="https://elsewhere.example/file"), "elsewhere.example/file: is not"),
        (status(302, Location="/file"), "is moved more than 3 times"),
    ],
)
def test_what_was_not_asked_for_is_refused(
    tmp_path: Path, reply: Callable[[BaseHTTPRequestHandler], None], says: str
) -> None:
    """Another type, size or place: one line, and no second try."""
    with publishing(reply) as publisher, pytest.raises(StorageError) as refusal:
        fetched(publisher, tmp_path / "file")
    assert says in str(refusal.value)


@pytest.mark.parametrize(
    "url",
    [
        "http://iptoasn.com/data/ip2asn-v4.tsv.gz",
        "https://iptoasn.com:8443/data/ip2asn-v4.tsv.gz",
        "https://someone" + "@iptoasn.com/data/ip2asn-v4.tsv.gz",
        "https://publisher.example/file",
        "https://127.0.0.1/file",
    ],
)
def test_only_listed_hosts_over_tls_are_asked(tmp_path: Path, url: str) -> None:
    """Before any packet."""
    with pytest.raises(StorageError, match="is not among the hosts"):
        download(url, tmp_path / "file", Door(HOSTS), LIMITS, progress=lambda *_: None)


def test_every_source_has_terms_and_a_listed_host() -> None:
    """A licence each, and the attribution that CC BY asks for."""
    for source in SOURCES.values():
        assert source.licence
        assert source.attribution or not source.licence.startswith("CC-BY")
        for url in source.urls(NOW.date()):
            Door(HOSTS).check(url)
            assert "{" not in url


def source(**known: object) -> Source:
    """A source of countries with small limits."""
    return replace(SOURCES["geo-whois-asn-country"], least=100, most=100_000, **known)


def test_fetched_file_is_a_snapshot_with_its_terms(tmp_path: Path) -> None:
    """Source, licence, time; nothing of the download stays; again on that day changes nothing."""
    layout = Layout(tmp_path)
    with publishing(whole()) as publisher:
        made = source(attribution="Data by Example")
        first = fetch_snapshot(layout, made, lambda *_: None, mirror=publisher.url, now=NOW)
        again = fetch_snapshot(layout, made, lambda *_: None, mirror=publisher.url, now=NOW)

    assert publisher.asked[0].startswith("/npm/@ip-location-db/")
    assert first == again
    assert (first.source, first.licence) == ("geo-whois-asn-country", "CC0-1.0")
    assert first.attribution == "Data by Example"
    assert first.retrieved_at == NOW
    assert first.rows == 198
    assert list(layout.scratch.iterdir()) == []


def test_last_months_file_stands_in_for_one_not_there_yet(tmp_path: Path) -> None:
    """A monthly publisher may be late."""
    with publishing(status(404), whole()) as publisher:
        made = source(url="https://download.db-ip.com/free/x-{month}.csv")
        fetch_snapshot(Layout(tmp_path), made, lambda *_: None, mirror=publisher.url, now=NOW)
    assert publisher.asked == ["/free/x-2026-11.csv", "/free/x-2026-10.csv"]


def test_file_that_nobody_has_is_an_error(tmp_path: Path) -> None:
    """One line, no snapshot."""
    with publishing(status(404)) as publisher, pytest.raises(MissingError):
        fetch_snapshot(Layout(tmp_path), source(), lambda *_: None, mirror=publisher.url, now=NOW)


def test_fetched_file_that_is_broken_is_no_snapshot(tmp_path: Path) -> None:
    """What comes in is checked like any file."""
    with publishing(whole(BODY + b"192.0.2.0,Spain\n")) as publisher, pytest.raises(ConfigError):
        fetch_snapshot(Layout(tmp_path), source(), lambda *_: None, mirror=publisher.url, now=NOW)
    assert list_snapshots(Layout(tmp_path), SnapshotKind.COUNTRY) == ()
