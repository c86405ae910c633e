"""A real DNSBL: rbldnsd over zone files that a test writes, on a loopback address of its own."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import dns.message
import dns.query
import dns.rdatatype

IP, PORT = "127.0.29.1", 10053
PATIENCE = 30.0
USER = "rbldns"
TEST_POINT = "2.0.0." + "127"  # in two parts: it is no address
"""What every DNSBL lists (RFC 5782 s5), as it is asked for."""


def program() -> str | None:
    """Path of rbldnsd, or None if it is not installed."""
    return shutil.which("rbldnsd", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin")


@contextmanager
def serving(zones: Mapping[str, tuple[str, str]], port: int = PORT) -> Iterator[Path]:
    """Serve each zone from (dataset type, text of its file); what rbldnsd says comes in a log.

    Raises:
        RuntimeError: It does not come up; the text holds its log.
    """
    path = program()
    assert path is not None, "rbldnsd is not installed"
    home = Path(tempfile.mkdtemp(prefix="survey-rbldnsd-"))
    try:
        home.chmod(0o755)  # it gives up root, and then reads its files
        wanted = []
        for number, (zone, (type_, text)) in enumerate(zones.items()):
            file = home / f"zone-{number}"
            file.write_text(text, encoding="utf-8")
            wanted.append(f"{zone}:{type_}:{file}")
        log = home / "rbldnsd.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [path, "-n", "-4", "-c", "0", "-u", USER, "-b", f"{IP}/{port}", *wanted],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            _wait(process, next(iter(zones)), port, log)
            yield log
        finally:
            process.terminate()
            process.wait(PATIENCE)
    finally:
        shutil.rmtree(home)


def ask(name: str, port: int = PORT) -> tuple[set[str], set[str]]:
    """What it answers for a name: its A records and its TXT records, none for NXDOMAIN."""
    found = []
    for type_ in (dns.rdatatype.A, dns.rdatatype.TXT):
        query = dns.message.make_query(name, type_)
        answer = dns.query.udp(query, IP, PATIENCE, port)
        records = {record for rrset in answer.answer for record in rrset}
        texts = {
            b"".join(one.strings).decode() if type_ is dns.rdatatype.TXT else one.address
            for one in records
        }
        found.append(texts)
    return found[0], found[1]


def _wait(process: subprocess.Popen[bytes], zone: str, port: int, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    query = dns.message.make_query(f"{TEST_POINT}.{zone}", "A").to_wire()
    while process.poll() is None and time.monotonic() < deadline:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as visitor:
            visitor.settimeout(0.1)
            visitor.connect((IP, port))
            try:
                visitor.send(query)
                visitor.recv(512)
            except OSError:
                continue
            return
    raise RuntimeError(f"rbldnsd does not answer:\n{log.read_text(errors='backslashreplace')}")
