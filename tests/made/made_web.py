"""A web server over TLS that a test scripts: on loopback, under any number of example names."""

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from made_receivers import make_certificate

NAMES = (
    "rdap.arin.example",
    "rdap.ripe.example",
    "rdap.apnic.example",
    "rdap.lacnic.example",
    "rdap.afrinic.example",
    "rest.ripe.example",
    "nube.example",
    "www.nube.example",
)


@dataclass(frozen=True, slots=True)
class Reply:
    """What is answered.

    Attributes:
        body: Its bytes.
        status: HTTP status.
        headers: Further ones.
        kind: Content-Type.
        raw: Instead of all that: does what it likes with the connection.
    """

    body: bytes = b""
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    kind: str = "application/rdap+json"
    raw: Callable[[BaseHTTPRequestHandler], None] | None = None


@dataclass
class MadeWeb:
    """What it has, and what it was asked.

    Attributes:
        authority: PEM file of whom to trust.
        port: Where it is, on 127.0.0.1.
        replies: Reply by ``host/path``; without one it is a 404.
        asked: ``host/path`` of each question.
        agents: User-Agent of each question.
    """

    authority: Path
    port: int
    replies: dict[str, Reply] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    agents: list[str] = field(default_factory=list)


@contextmanager
def made_web(folder: Path) -> Iterator[MadeWeb]:
    """One, while the block runs."""
    certificate = make_certificate(folder, *NAMES)
    made = MadeWeb(certificate, 0)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 30

        def do_GET(self) -> None:
            key = self.headers["Host"].partition(":")[0] + self.path
            made.asked.append(key)
            made.agents.append(self.headers["User-Agent"])
            reply = made.replies.get(key, Reply(b"{}", 404))
            if reply.raw is not None:
                self.close_connection = True
                reply.raw(self)
                return
            self.send_response(reply.status)
            self.send_header("Content-Type", reply.kind)
            if "Content-Length" not in dict(reply.headers):
                self.send_header("Content-Length", str(len(reply.body)))
            for name, value in reply.headers:
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply.body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: Any) -> None:
            """A peer that hangs up is what the tests are about."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = Server(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False
    )
    made.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
