"""Real receivers on loopback: a mail server with TLS, an SFTP server, and a small S3 store."""

import asyncio
import hashlib
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import asyncssh
from aiosmtpd.smtp import SMTP, Envelope, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def make_certificate(folder: Path, name: str = "localhost", *others: str) -> Path:
    """A self-signed certificate and its key in one PEM file; it is its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    names: list[x509.GeneralName] = [x509.DNSName(one) for one in (name, *others)]
    names.append(x509.IPAddress(ip_address("127.0.0.1")))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / f"{name}.pem"
    path.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return path


@dataclass
class MadeMailbox:
    """What a mail server took, and what it says.

    Attributes:
        taken: Recipient and message of each that it took.
        rcpt: Its answer to a recipient, or None to take all.
        data: Its answer to a message, or None to take it.
        hangs_up: It takes the message and breaks the connection instead of an answer.
        port: Where it listens.
    """

    taken: list[tuple[str, bytes]] = field(default_factory=list)
    rcpt: str | None = None
    data: str | None = None
    hangs_up: bool = False
    port: int = 0

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: Any
    ) -> str:
        """One recipient."""
        if self.rcpt is not None:
            return self.rcpt
        envelope.rcpt_tos.append(address)
        return "250 ok"

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        """One message."""
        if self.data is not None:
            return self.data
        assert isinstance(envelope.content, bytes)
        self.taken += [(address, envelope.content) for address in envelope.rcpt_tos]
        if self.hangs_up:
            assert server.transport is not None
            server.transport.abort()
        return f"250 2.0.0 taken as {len(self.taken)}"


@asynccontextmanager
async def mail_server(box: MadeMailbox, pem: Path, *, starttls: bool) -> AsyncIterator[MadeMailbox]:
    """A mail server that speaks TLS only."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    options: dict[str, Any] = {"hostname": "localhost", "data_size_limit": 1 << 26}
    if starttls:
        options |= {"tls_context": context, "require_starttls": True}
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(box, loop=loop, **options),
        "127.0.0.1",
        0,
        ssl=None if starttls else context,
    )
    box.port = server.sockets[0].getsockname()[1]
    try:
        yield box
    finally:
        server.close()


@dataclass
class MadeDrop:
    """An SFTP server's folder.

    Attributes:
        root: What it serves.
        host_key: Its public key, as a known_hosts line has it.
        key: Our private key's file.
        port: Where it listens.
        renamed: Every name that was given, in order.
    """

    root: Path
    key: Path
    host_key: str = ""
    port: int = 0
    renamed: list[str] = field(default_factory=list)


@asynccontextmanager
async def sftp_server(drop: MadeDrop) -> AsyncIterator[MadeDrop]:
    """An SFTP server that lets our key in."""
    host = asyncssh.generate_private_key("ssh-ed25519")
    own = asyncssh.generate_private_key("ssh-ed25519")
    drop.key.touch(mode=0o600)
    own.write_private_key(drop.key)
    drop.key.chmod(0o600)
    drop.host_key = " ".join(host.export_public_key().decode().split()[:2])
    allowed = drop.key.with_suffix(".pub")
    own.write_public_key(allowed)

    class Server(asyncssh.SFTPServer):
        def __init__(self, channel: asyncssh.SSHServerChannel[bytes]) -> None:
            super().__init__(channel, chroot=str(drop.root).encode())

        def rename(self, oldpath: bytes, newpath: bytes) -> Any:
            result = super().rename(oldpath, newpath)
            drop.renamed.append(newpath.decode())
            return result

    server = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_host_keys=[host],
        authorized_client_keys=str(allowed),
        sftp_factory=Server,
        allow_scp=False,
        gss_host=None,  # else it asks the resolver for this machine's name
    )
    drop.port = server.sockets[0].getsockname()[1]
    try:
        yield drop
    finally:
        server.close()
        await server.wait_closed()


@dataclass
class MadeStore:
    """A small S3 store: objects by path, conditional PUT, GET.

    Attributes:
        objects: What it holds.
        puts: Every path that was put and taken.
        silent: It takes an object and breaks the connection instead of an answer.
        port: Where it listens.
    """

    objects: dict[str, bytes] = field(default_factory=dict)
    puts: list[str] = field(default_factory=list)
    silent: bool = False
    port: int = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                first, *lines = head.decode().split("\r\n")
                method, path, _ = first.split(" ")
                said = dict(line.lower().split(": ", 1) for line in lines if ": " in line)
                body = await reader.readexactly(int(said.get("content-length", 0)))
                if method == "PUT" and path not in self.objects:
                    self.objects[path] = body
                    self.puts.append(path)
                    if self.silent:
                        break
                    self._answer(writer, "200 OK", b"", body)
                elif method == "PUT":
                    assert said["if-none-match"] == "*"
                    self._answer(writer, "412 Precondition Failed", b"<Error/>", b"")
                elif path in self.objects:
                    self._answer(writer, "200 OK", self.objects[path], self.objects[path])
                else:
                    self._answer(writer, "404 Not Found", b"<Error/>", b"")
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _answer(
        self, writer: asyncio.StreamWriter, status: str, body: bytes, tagged: bytes
    ) -> None:
        tag = hashlib.sha256(tagged).hexdigest()[:16]
        writer.write(
            f'HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nETag: "{tag}"\r\n'
            "Last-Modified: Tue, 24 Nov 2026 06:12:09 GMT\r\n\r\n".encode()
            + body
        )


@asynccontextmanager
async def store_server(store: MadeStore) -> AsyncIterator[MadeStore]:
    """An S3 store in the clear, for loopback alone."""
    server = await asyncio.start_server(store, "127.0.0.1", 0)
    store.port = server.sockets[0].getsockname()[1]
    try:
        yield store
    finally:
        server.close()
