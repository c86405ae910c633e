"""A small IMAP server over TLS, for one client at a time: enough to look and change nothing."""

import re
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class MadeImap:
    """One folder.

    Attributes:
        messages: What it holds, by UID from 1.
        password: What it lets in.
        said: Every command that it heard.
        port: Where it listens.
    """

    messages: list[bytes] = field(default_factory=list)
    password: str = "secret"
    said: list[str] = field(default_factory=list)
    port: int = 0

    def serve(self, connection: ssl.SSLSocket) -> None:
        """One connection."""
        stream = connection.makefile("rwb")

        def say(text: str) -> None:
            stream.write(text.encode() + b"\r\n")
            stream.flush()

        say("* OK IMAP4rev1 ready")
        for line in stream:
            tag, _, command = line.decode().strip().partition(" ")
            self.said.append(command)
            verb = command.upper()
            if verb.startswith("CAPABILITY"):
                say("* CAPABILITY IMAP4rev1")
            elif verb.startswith("LOGIN") and f'"{self.password}"' not in command:
                say(f"{tag} NO wrong")
                continue
            elif verb.startswith("EXAMINE"):
                say(f"* {len(self.messages)} EXISTS\r\n* OK [UIDVALIDITY 7] valid")
            elif verb.startswith("UID SEARCH"):
                say("* SEARCH " + " ".join(str(at + 1) for at in range(len(self.messages))))
            elif found := re.match(r"UID FETCH (\d+)", verb):
                data = self.messages[int(found[1]) - 1]
                stream.write(
                    b"* 1 FETCH (UID %s BODY[]<0> {%d}\r\n" % (found[1].encode(), len(data))
                )
                stream.write(data + b")\r\n")
            elif verb.startswith("LOGOUT"):
                say("* BYE")
                say(f"{tag} OK")
                return
            say(f"{tag} OK done")


@contextmanager
def imap_server(box: MadeImap, pem: Path) -> Iterator[MadeImap]:
    """It listens until the end."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        box.port = listener.getsockname()[1]

        def run() -> None:
            while True:
                try:
                    plain, _ = listener.accept()
                except OSError:
                    return
                try:
                    with context.wrap_socket(plain, server_side=True) as connection:
                        box.serve(connection)
                except OSError:
                    plain.close()

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        try:
            yield box
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(10)
