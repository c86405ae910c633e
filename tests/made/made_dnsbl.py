"""A DNSBL that a test scripts: a UDP socket on loopback, in a thread of its own."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import dns.flags
import dns.message
import dns.rcode
import dns.rrset

from survey.model.address import parse_ip
from survey.model.listing import Dnsbl
from survey.model.plan import Endpoint

ZONE = "relays.dnsbl.example"
MEANINGS = (("127.0.0.2", "open relay"), ("127.0.0.3", "open proxy"))

Script = Callable[[str, dns.message.Message], list[bytes]]
"""What is sent back for an address: datagrams, in this order."""


def answer(query: dns.message.Message, *codes: str, rcode: int = dns.rcode.NOERROR) -> bytes:
    """An answer with these A records."""
    said = dns.message.make_response(query)
    said.set_rcode(rcode)
    if codes:
        said.answer.append(dns.rrset.from_text(query.question[0].name, 60, "IN", "A", *codes))
    return said.to_wire()


def nxdomain(query: dns.message.Message) -> bytes:
    """It is not listed."""
    return answer(query, rcode=dns.rcode.NXDOMAIN)


class ScriptedDnsbl:
    """It lists 127.0.0.2 and what its table says; other answers are a script's.

    Attributes:
        listed: Codes of each address.
        script: Instead of that, for one address; None for the table.
        asked: Address and time (monotonic) of each question.
    """

    def __init__(self) -> None:
        self.listed: dict[str, tuple[str, ...]] = {"127.0.0.2": ("127.0.0.2",)}
        self.scripts: dict[str, Script] = {}
        self.asked: list[tuple[str, float]] = []
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

    def dnsbl(self, per_second: float = 1000.0, cache_hours: float = 24.0) -> Dnsbl:
        """As a campaign names it."""
        return Dnsbl(ZONE, self.endpoint, "a test", per_second, MEANINGS, cache_hours)

    def questions(self) -> list[str]:
        """The addresses that it was asked about, without the two that are always asked."""
        return [ip for ip, _ in self.asked if ip not in {"127.0.0.1", "127.0.0.2"}]

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
            name = query.question[0].name.to_text().removesuffix(f".{ZONE}.")
            ip = ".".join(reversed(name.split(".")))
            self.asked.append((ip, time.monotonic()))
            for datagram in self._answers(ip, query):
                self._socket.sendto(datagram, peer)

    def _answers(self, ip: str, query: dns.message.Message) -> list[bytes]:
        if ip in self.scripts:
            return self.scripts[ip](ip, query)
        codes = self.listed.get(ip)
        return [answer(query, *codes) if codes else nxdomain(query)]


@contextmanager
def scripted() -> Iterator[ScriptedDnsbl]:
    """One, while the block runs."""
    server = ScriptedDnsbl()
    try:
        yield server
    finally:
        server.close()
