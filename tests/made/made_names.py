"""A DNS server that a test scripts: UDP on loopback, in a thread of its own."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

from survey.model.address import parse_ip
from survey.model.plan import Endpoint


class MadeNames:
    """It answers from its table; what is not in it does not exist.

    Attributes:
        records: Records as text, by name without last dot and kind.
        failing: Names whose questions are answered with SERVFAIL.
        silent: Names whose questions are not answered.
        asked: Name and kind of each question.
    """

    def __init__(self) -> None:
        self.records: dict[tuple[str, str], list[str]] = {}
        self.failing: set[str] = set()
        self.silent: set[str] = set()
        self.asked: list[tuple[str, str]] = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(0.05)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def endpoint(self) -> Endpoint:
        """Where it is."""
        return Endpoint(parse_ip("127.0.0.1"), self._socket.getsockname()[1])

    @property
    def place(self) -> str:
        """Where it is, as text."""
        return f"127.0.0.1:{self.endpoint.port}"

    def add(self, name: str, kind: str, *records: str) -> None:
        """Have these records."""
        self.records[name, kind] = list(records)

    def add_host(self, ip: str, name: str) -> None:
        """A name and an address that lead to one another."""
        self.add(name, "A", ip)
        self.add(".".join(reversed(ip.split("."))) + ".in-addr.arpa", "PTR", f"{name}.")

    def close(self) -> None:
        """End it."""
        self._over.set()
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while not self._over.is_set():
            try:
                data, peer = self._socket.recvfrom(4096)
            except TimeoutError:
                continue
            query = dns.message.from_wire(data)
            asked = query.question[0]
            name = asked.name.to_text(omit_final_dot=True).lower()
            kind = dns.rdatatype.to_text(asked.rdtype)
            self.asked.append((name, kind))
            if name not in self.silent:
                self._socket.sendto(self._answer(query, name, kind), peer)

    def _answer(self, query: dns.message.Message, name: str, kind: str) -> bytes:
        said = dns.message.make_response(query)
        if name in self.failing:
            said.set_rcode(dns.rcode.SERVFAIL)
        elif records := self.records.get((name, kind)):
            said.answer.append(
                dns.rrset.from_text_list(query.question[0].name, 60, "IN", kind, records)
            )
        elif not any(known == name for known, _ in self.records):
            said.set_rcode(dns.rcode.NXDOMAIN)
        return said.to_wire()


@contextmanager
def made_names() -> Iterator[MadeNames]:
    """One, while the block runs."""
    server = MadeNames()
    try:
        yield server
    finally:
        server.close()
