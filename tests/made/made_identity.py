"""A survey's own names and pages on loopback: a DNS server, and a web server with TLS."""

import http.server
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HELO = "probe.survey.example"
PAGE = "https://www.survey.example/about"
CONTACT = "survey@survey.example"
SOURCES = ("127.0.31.1", "127.0.31.2")
DOMAINS = (HELO, "www.survey.example")


@dataclass(slots=True)
class MadeIdentity:
    """What the world sees; a test may change it.

    Attributes:
        resolver: Port of the DNS server on 127.0.0.1.
        web: Port of the web server, on every address of 127.0.0.0/8.
        records: (name without last dot, type): values.
        pages: (host, path): status and content.
        asked: Names that were looked up, and URLs that were fetched.
        authority: Certificate of who signed the web server's.
    """

    resolver: int
    web: int
    authority: Path
    records: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    pages: dict[tuple[str, str], tuple[int, str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)


def reversed_name(address: str) -> str:
    """Under which its own name is looked up."""
    return ".".join(reversed(address.split("."))) + ".in-addr.arpa"


@contextmanager
def identity_served(folder: Path) -> Iterator[MadeIdentity]:
    """Both servers, until the end of the block; names are in order, pages are not there yet."""
    with ExitStack() as stack:
        dns_socket = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        dns_socket.bind(("127.0.0.1", 0))
        context = _certified(folder)
        made = MadeIdentity(dns_socket.getsockname()[1], 0, folder / "authority.pem")
        made.records = {(name, "A"): list(SOURCES) for name in DOMAINS}
        made.records |= {(reversed_name(ip), "PTR"): [f"{HELO}."] for ip in SOURCES}

        class Handler(http.server.BaseHTTPRequestHandler):
            """Whatever ``pages`` has."""

            def do_GET(self) -> None:
                """One page."""
                host = self.headers.get("Host", "").partition(":")[0]
                made.asked.append(f"https://{host}{self.path}")
                status, text = made.pages.get((host, self.path), (404, ""))
                content = text.encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                """Nobody reads it."""

        web = stack.enter_context(_Web(("127.0.31.1", 0), Handler))
        web.socket = context.wrap_socket(web.socket, server_side=True)
        made.web = web.server_address[1]
        for target, end in (
            (lambda: _answer(dns_socket, made), lambda: _end(dns_socket)),
            (web.serve_forever, web.shutdown),
        ):
            thread = threading.Thread(target=target)
            thread.start()
            stack.callback(thread.join)
            stack.callback(end)
        yield made


class _Web(http.server.ThreadingHTTPServer):
    """A client that does not trust its certificate hangs up; nobody needs to read that."""

    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Not ours."""


def _answer(sock: socket.socket, made: MadeIdentity) -> None:
    while True:
        data, peer = sock.recvfrom(4096)
        if not data:
            return
        query = dns.message.from_wire(data)
        (question,) = query.question
        name = question.name.to_text().rstrip(".").lower()
        kind = dns.rdatatype.to_text(question.rdtype)
        made.asked.append(name)
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.RA
        values = made.records.get((name, kind), [])
        if values:
            reply.answer.append(dns.rrset.from_text(question.name, 60, "IN", kind, *values))
        elif not any(known == name for known, _ in made.records):
            reply.set_rcode(dns.rcode.NXDOMAIN)
        sock.sendto(reply.to_wire(), peer)


def _end(sock: socket.socket) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.sendto(b"", sock.getsockname())


def _certified(folder: Path) -> ssl.SSLContext:
    """A server's context, whose authority is written to ``authority.pem``."""
    now = datetime.now(UTC)
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    names = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in ("CA", HELO)]
    certificates = []
    for at, (key, name) in enumerate(zip(keys, names, strict=True)):
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(names[0])
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(hours=1))
            .add_extension(x509.BasicConstraints(ca=at == 0, path_length=None), critical=True)
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
            )
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(keys[0].public_key()),
                critical=False,
            )
        )
        if at == 0:
            usage = dict.fromkeys(
                (
                    "digital_signature",
                    "content_commitment",
                    "key_encipherment",
                    "data_encipherment",
                    "key_agreement",
                    "crl_sign",
                    "encipher_only",
                    "decipher_only",
                ),
                False,
            )
            builder = builder.add_extension(
                x509.KeyUsage(key_cert_sign=True, **usage), critical=True
            )
        else:
            builder = builder.add_extension(
                x509.SubjectAlternativeName([x509.DNSName(name) for name in DOMAINS]),
                critical=False,
            )
        certificates.append(builder.sign(keys[0], hashes.SHA256()))
    pem = serialization.Encoding.PEM
    (folder / "authority.pem").write_bytes(certificates[0].public_bytes(pem))
    own = folder / "web.pem"
    own.write_bytes(
        keys[1].private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificates[1].public_bytes(pem)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(own)
    return context
