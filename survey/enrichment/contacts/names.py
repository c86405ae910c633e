"""Names and addresses for finding contacts: asked of the one resolver that ``contacts.toml`` names.

The system's resolver is never asked.  An answer is either known or not: what could not be told is
no answer, since a letter may hang on it.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol

import dns.exception
import dns.name
import dns.resolver
import dns.reversename

from survey.errors import ConfigError
from survey.model.address import format_ip, parse_ip
from survey.model.plan import Endpoint

SECONDS = 5.0
"""Patience with the resolver, all its tries together."""
MOST_TEXTS = 20
"""TXT records of one answer that are looked at."""
_REMEMBERED = 10_000
_NAME = re.compile(r"(?=.{1,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z0-9-]{1,63}")


class UnsureError(Exception):
    """What was asked could not be told now; its text says why, one line."""


class Names(Protocol):
    """A way to look names up; each of its questions may raise UnsureError."""

    def addresses(self, name: str) -> tuple[int, ...]:
        """The IPv4 addresses of a name; none if it has none."""

    def exchangers(self, domain: str) -> tuple[str, ...]:
        """Hosts that take a domain's mail, best first (RFC 5321 s5.1); none: it takes none."""

    def reverse(self, ip: int) -> tuple[str, ...]:
        """The names that an address has, without last dot."""

    def texts(self, name: str) -> tuple[bytes, ...]:
        """The TXT records of a name, each put together, sorted."""


class HostsFile:
    """Names from a file of lines ``address name...``, as hosts(5); for labs.

    A domain takes its mail itself, and a name that the file does not have is somewhere else.
    """

    def __init__(self, path: Path) -> None:
        """Read the file.

        Raises:
            ConfigError: It can't be read, or a line does not begin with an IPv4 address.
        """
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeError) as error:
            raise ConfigError(path, "", f"can't be read ({error})", "give a hosts file") from error
        self._known: list[tuple[str, int]] = []
        for number, line in enumerate(lines, 1):
            words = line.partition("#")[0].split()
            if words:
                try:
                    ip = parse_ip(words[0])
                except ValueError as error:
                    raise ConfigError(
                        path,
                        f"line {number}",
                        f"{words[0]!r} is no IPv4 address",
                        "address, then names",
                    ) from error
                self._known += ((folded(name), ip) for name in words[1:])

    def addresses(self, name: str) -> tuple[int, ...]:
        """As the file says."""
        wanted = folded(name)
        return tuple(ip for known, ip in self._known if known == wanted)

    def exchangers(self, domain: str) -> tuple[str, ...]:
        """The domain itself."""
        return (folded(domain),)

    def reverse(self, ip: int) -> tuple[str, ...]:
        """As the file says."""
        return tuple(name for name, known in self._known if known == ip)

    def texts(self, name: str) -> tuple[bytes, ...]:  # noqa: ARG002 - a hosts file has none
        """None."""
        return ()


class Resolver:
    """Names from one resolver."""

    def __init__(self, at: Endpoint, seconds: float = SECONDS) -> None:
        """Where it is, and seconds that a question may take."""
        self._at = at
        self._resolver = dns.resolver.Resolver(configure=False)
        self._resolver.nameservers = [format_ip(at.ip)]
        self._resolver.port = at.port
        self._resolver.lifetime = seconds
        self._resolver.timeout = seconds / 2
        self._resolver.cache = dns.resolver.LRUCache(_REMEMBERED)

    def addresses(self, name: str) -> tuple[int, ...]:
        """Its A records."""
        return tuple(sorted(parse_ip(record.address) for record in self._ask(name, "A")))

    def exchangers(self, domain: str) -> tuple[str, ...]:
        """Its MX records; without one the domain itself, if it has an address."""
        records = sorted(self._ask(domain, "MX"), key=lambda one: (one.preference, one.exchange))
        if records:
            hosts = (folded(one.exchange.to_text()) for one in records)
            return tuple(host for host in hosts if host)  # a null MX is the root (RFC 7505)
        has_one = self._ask(domain, "A") or self._ask(domain, "AAAA")
        return (folded(domain),) if has_one else ()

    def reverse(self, ip: int) -> tuple[str, ...]:
        """Its PTR records."""
        name = dns.reversename.from_address(format_ip(ip)).to_text(omit_final_dot=True)
        return tuple(sorted(folded(one.target.to_text()) for one in self._ask(name, "PTR")))

    def texts(self, name: str) -> tuple[bytes, ...]:
        """Its TXT records."""
        texts = sorted(b"".join(one.strings) for one in self._ask(name, "TXT"))
        return tuple(texts[:MOST_TEXTS])

    def _ask(self, name: str, kind: str) -> list[Any]:
        if not is_name(name):
            return []
        try:
            answer = self._resolver.resolve(dns.name.from_text(name), kind, search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except (dns.exception.DNSException, OSError, UnicodeError) as error:
            raise UnsureError(f"{kind} of {name} can't be looked up ({_why(error)})") from error
        return list(answer)


def folded(name: str) -> str:
    """A name as names are compared."""
    return name.rstrip(".").lower()


def is_name(name: str) -> bool:
    """Whether it is a host's or domain's name, with a dot in it, and no address."""
    return bool(_NAME.fullmatch(folded(name))) and not is_address(name)


def is_address(text: str) -> bool:
    """Whether it is an address and no name."""
    return folded(text).rpartition(".")[2].isdigit()


def points_back(names: Names, name: str, ips: Iterable[int]) -> bool:
    """Whether one of a name's addresses is one of these.

    Raises:
        UnsureError: It could not be told.
    """
    return not set(ips).isdisjoint(names.addresses(name))


def _why(error: Exception) -> str:
    match error:
        case dns.resolver.LifetimeTimeout():
            return "no answer"
        case dns.resolver.NoNameservers():
            return "the resolver can't tell"
        case _:
            return type(error).__name__
