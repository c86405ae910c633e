"""The way out to registries: only where it may, never without end, whatever the peer does."""

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from made_receivers import make_certificate
from made_web import MadeWeb, Reply, made_web

from survey.enrichment.contacts.door import REDIRECTS, ContactsDoor, Page, Ways
from survey.enrichment.contacts.names import HostsFile, UnsureError
from survey.enrichment.contacts.pace import Pace
from survey.errors import GateClosedError
from survey.targets.ranges import RangeSet, parse_cidr

LOOPBACK = RangeSet.of([parse_cidr("127.0.0.0/8")])
NOBODY = RangeSet.of(())
HOSTS = "127.0.0.1 rdap.arin.example rdap.ripe.example\n192.0.2.9 rdap.apnic.example\n"
PATH = "/registry/ip/192.0.2.7"


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MadeWeb]:
    """A web server."""
    with made_web(tmp_path_factory.mktemp("web")) as made:
        yield made


@pytest.fixture
def web(certified: MadeWeb) -> MadeWeb:
    """The same, with nothing on it."""
    certified.replies.clear()
    certified.asked.clear()
    certified.agents.clear()
    return certified


class Asker:
    """A door with its pace, on a clock that a test sets."""

    def __init__(
        self, web: MadeWeb, folder: Path, *, seconds: float = 15.0, most: int = 100
    ) -> None:
        self.web, self.now, self.slept = web, 0.0, 0.0
        path = folder / "hosts"
        path.write_text(HOSTS)
        self.pace = Pace(most, lambda: self.now, self._sleep)
        self.door = ContactsDoor(HostsFile(path), LOOPBACK, "survey (+page)", self.pace, seconds)
        self.hosts = [f"rdap.arin.example:{web.port}", f"rdap.apnic.example:{web.port}"]

    def get(self, host: str = "rdap.arin.example", path: str = PATH, most: int = 100_000) -> Page:
        """What it gets."""
        kinds = ("application/rdap+json", "application/json")
        ways = Ways(self.hosts.__contains__, kinds, 60, self.web.authority, most)
        return self.door.get(f"https://{host}:{self.web.port}{path}", ways, NOBODY)

    def _sleep(self, seconds: float) -> None:
        self.slept += seconds
        self.now += seconds


@pytest.fixture
def asker(web: MadeWeb, tmp_path: Path) -> Asker:
    """One with patience."""
    return Asker(web, tmp_path)


def key(host: str = "rdap.arin.example", path: str = PATH) -> str:
    """Where a reply lies."""
    return host + path


def test_an_answer_comes_with_who_gave_it(web: MadeWeb, asker: Asker) -> None:
    """And the server is told who asks."""
    web.replies[key()] = Reply(b'{"a": 1}')

    assert asker.get() == Page(f"rdap.arin.example:{web.port}", b'{"a": 1}')
    assert web.agents == ["survey (+page)"]


@pytest.mark.parametrize("status", [404, 410])
def test_what_is_not_there_is_an_answer(web: MadeWeb, asker: Asker, status: int) -> None:
    """A registry that knows of no network has said so."""
    web.replies[key()] = Reply(b"{}", status)

    assert asker.get().data is None


def test_other_hosts_are_not_asked(web: MadeWeb, asker: Asker) -> None:
    """Only what contacts.toml names, under its port, over TLS, without a password."""
    ways = Ways(asker.hosts.__contains__, ("application/json",), 60, web.authority)
    for url in (
        f"https://rdap.ripe.example:{web.port}/",
        "https://rdap.arin.example/",
        f"http://rdap.arin.example:{web.port}/",
        f"https://someone@rdap.arin.example:{web.port}/",
        f"https://rdap.arin.example:{web.port}/a b",
        "https://rdap.arin.example:99999/",
        "https:///",
        "file:///etc/passwd",
    ):
        with pytest.raises(GateClosedError, match=r"contacts\.toml"):
            asker.door.get(url, ways, NOBODY)
    assert web.asked == []


def test_targets_are_no_destination(web: MadeWeb, asker: Asker) -> None:
    """A name that leads to where a campaign of this kind may not send is not dialled."""
    with pytest.raises(UnsureError, match="no address that may be dialled"):
        asker.get("rdap.apnic.example")
    ways = Ways(asker.hosts.__contains__, ("application/json",), 60, web.authority)
    with pytest.raises(UnsureError, match="is the server itself"):
        asker.door.get(f"https://rdap.arin.example:{web.port}/", ways, LOOPBACK)
    assert web.asked == []


def test_a_redirect_is_followed_to_an_allowed_host_only(web: MadeWeb, asker: Asker) -> None:
    """Registries send on what was transferred; anybody else's host is not dialled."""
    web.replies[key()] = Reply(
        status=302, headers=(("Location", f"https://rdap.ripe.example:{web.port}/ip/192.0.2.7"),)
    )
    web.replies["rdap.ripe.example/ip/192.0.2.7"] = Reply(b"{}")

    with pytest.raises(UnsureError, match=r"leads to 'rdap\.ripe\.example"):
        asker.get()
    assert web.asked == [key()]
    asker.hosts.append(f"rdap.ripe.example:{web.port}")
    assert asker.get() == Page(f"rdap.ripe.example:{web.port}", b"{}")


@pytest.mark.parametrize(
    "location",
    [
        "",
        "http://rdap.arin.example/",
        "//evil.example/",
        "ftp://rdap.arin.example",
        "https://[::",
    ],
)
def test_no_redirect_leads_astray(web: MadeWeb, asker: Asker, location: str) -> None:
    """Downgrades, other schemes, broken URLs, and one that leads to itself."""
    web.replies[key()] = Reply(status=301, headers=(("Location", location),))

    with pytest.raises(UnsureError):
        asker.get()
    assert set(web.asked) == {key()}


def test_a_loop_of_redirects_ends(web: MadeWeb, asker: Asker) -> None:
    """A few, not more."""
    web.replies[key()] = Reply(status=302, headers=(("Location", PATH),))

    with pytest.raises(UnsureError, match="leads on more than"):
        asker.get()
    assert len(web.asked) == REDIRECTS + 1


def test_a_busy_server_is_left_alone(web: MadeWeb, asker: Asker) -> None:
    """For as long as it asks; other servers are asked meanwhile."""
    web.replies[key()] = Reply(status=429, headers=(("Retry-After", "120"),))
    with pytest.raises(UnsureError, match="is busy"):
        asker.get()
    web.replies[key()] = Reply(b"{}")
    asker.now += 119
    with pytest.raises(UnsureError, match="left alone"):
        asker.get()
    asker.now += 1

    assert asker.get().data == b"{}"
    assert len(web.asked) == 2


@pytest.mark.parametrize("after", ["", "soon", "-5", "9" * 50, "Mon, 01 Jan 2035 00:00:00 GMT"])
def test_whatever_a_busy_server_says_the_wait_ends(web: MadeWeb, asker: Asker, after: str) -> None:
    """An hour at most."""
    web.replies[key()] = Reply(status=503, headers=(("Retry-After", after),))
    with pytest.raises(UnsureError, match="is busy"):
        asker.get()
    web.replies[key()] = Reply(b"{}")
    asker.now += 3600

    assert asker.get().data == b"{}"


def test_questions_are_spread_and_bounded(web: MadeWeb, tmp_path: Path) -> None:
    """One a second here; and not more in all than a person allowed."""
    asker = Asker(web, tmp_path, most=3)
    web.replies[key()] = Reply(b"{}")
    for _ in range(3):
        asker.get()

    assert asker.slept == 2
    with pytest.raises(UnsureError, match="3 questions were asked"):
        asker.get()
    assert len(web.asked) == 3


@pytest.mark.parametrize(
    ("reply", "wrong"),
    [
        (Reply(b"{}", 400), "HTTP 400"),
        (Reply(b"{}", 403), "HTTP 403"),
        (Reply(b"{}", 500), "HTTP 500"),
        (Reply(b"<p>", kind="text/html"), "'text/html', not application/rdap"),
        (Reply(b"{}", headers=(("Content-Encoding", "gzip"),)), "encoded"),
        (Reply(b"x" * 100_001), "more than 100,000 bytes"),
        (Reply(b"{", headers=(("Content-Length", "9999"),)), "hung up in the middle"),
        (Reply(b"{", headers=(("Content-Length", "1" * 30),)), "hung up in the middle"),
        (Reply(b"zz", headers=(("Transfer-Encoding", "chunked"),)), "does not answer"),
    ],
)
def test_what_is_no_answer_is_not_taken(
    web: MadeWeb, asker: Asker, reply: Reply, wrong: str
) -> None:
    """Errors, other types, too much, too little."""

    def cut(handler: BaseHTTPRequestHandler) -> None:
        handler.connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n")
        for name, value in reply.headers:
            handler.connection.sendall(f"{name}: {value}\r\n".encode())
        handler.connection.sendall(b"\r\n" + reply.body)

    is_cut = reply.headers and "Content-Encoding" not in dict(reply.headers)
    web.replies[key()] = Reply(raw=cut) if is_cut else reply

    with pytest.raises(UnsureError, match=wrong):
        asker.get()


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"\0" * 100,
        b"SSH-2.0-x\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 1000,
        b"HTTP/1.1 200 " + b"x" * 100_000,
        b"HTTP/1.1 99999 OK\r\n\r\n",
    ],
)
def test_what_is_no_http_is_not_taken(web: MadeWeb, asker: Asker, said: bytes) -> None:
    """Another protocol, headers without end, a status of nowhere."""
    web.replies[key()] = Reply(raw=lambda handler: handler.connection.sendall(said))

    with pytest.raises(UnsureError, match="does not answer"):
        asker.get()


def test_dripping_ends(web: MadeWeb, tmp_path: Path) -> None:
    """A byte now and then, for ever, is cut off at the door's patience, not at the peer's."""
    over = threading.Event()

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.connection.sendall(b"HTTP/1.1 200 OK\r\n")
        while not over.wait(0.02):
            handler.connection.sendall(b"A")

    asker = Asker(web, tmp_path, seconds=0.5)
    web.replies[key()] = Reply(raw=drip)
    try:
        with pytest.raises(UnsureError, match="does not answer"):
            asker.get()
    finally:
        over.set()


def test_a_silent_server_is_left_alone_after_a_few(web: MadeWeb, tmp_path: Path) -> None:
    """A dead server costs a few waits, not one for each address."""
    over = threading.Event()
    asker = Asker(web, tmp_path, seconds=0.2)
    web.replies[key()] = Reply(raw=lambda _: (over.wait(30), None)[1])
    try:
        for _ in range(3):
            with pytest.raises(UnsureError, match="does not answer"):
                asker.get()
        with pytest.raises(UnsureError, match="left alone"):
            asker.get()
    finally:
        over.set()
    assert len(web.asked) <= 3


def test_a_handshake_that_never_ends_is_ended(tmp_path: Path, web: MadeWeb) -> None:
    """Whoever takes the connection and says nothing."""
    asker = Asker(web, tmp_path, seconds=0.3)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        ways = Ways(lambda _: True, ("application/json",), 60, web.authority)
        with pytest.raises(UnsureError, match="does not answer"):
            asker.door.get(f"https://rdap.arin.example:{port}/", ways, NOBODY)


def test_nobody_else_may_answer(web: MadeWeb, asker: Asker, tmp_path: Path) -> None:
    """A certificate of somebody else's is no answer."""
    web.replies[key()] = Reply(b"{}")
    folder = tmp_path / "other"
    folder.mkdir()
    other = make_certificate(folder, "rdap.arin.example")
    ways = Ways(asker.hosts.__contains__, ("application/json",), 60, other)

    with pytest.raises(UnsureError, match="CERTIFICATE_VERIFY_FAILED"):
        asker.door.get(f"https://rdap.arin.example:{web.port}{PATH}", ways, NOBODY)
    assert web.asked == []
