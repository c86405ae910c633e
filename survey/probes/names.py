"""Does a server's own name belong to the tested address?  Only then is a mailbox there named.

The name comes from a stranger: it is checked before it is looked up, and looked up only where the
campaign says.
"""

import re
from pathlib import Path
from typing import Protocol

import dns.asyncresolver
import dns.exception
import dns.name
import dns.resolver

from survey.errors import ConfigError
from survey.model.address import format_ip, parse_ip

# RFC 1123 s2.1, and at least one dot.
_HOST = re.compile(rb"(?=.{1,253}\Z)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{1,63}")
_LIFETIME = 5.0
_REMEMBERED = 10_000


class Names(Protocol):
    """A way to check names."""

    async def points_to(self, name: bytes, ip: int) -> bool:
        """Whether the name resolves to the address; False too if that can't be told."""


class NoNames:
    """Nothing is looked up: forms that name a mailbox at the server are never sent."""

    async def points_to(self, name: bytes, ip: int) -> bool:  # noqa: ARG002 - it is no for all
        """No."""
        return False


class HostsFile:
    """Names from a file of lines ``address name...``, as hosts(5)."""

    def __init__(self, path: Path) -> None:
        """Read the file.

        Raises:
            ConfigError: It can't be read, or a line does not begin with an IPv4 address.
        """
        self._known: set[tuple[bytes, int]] = set()
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeError) as error:
            raise ConfigError(path, "", f"can't be read ({error})", "give a hosts file") from error
        for number, line in enumerate(lines, 1):
            words = line.partition("#")[0].split()
            if not words:
                continue
            try:
                ip = parse_ip(words[0])
            except ValueError as error:
                raise ConfigError(
                    path,
                    f"line {number}",
                    f"{words[0]!r} is no IPv4 address",
                    "address, then names",
                ) from error
            self._known.update((_folded(name.encode()), ip) for name in words[1:])

    async def points_to(self, name: bytes, ip: int) -> bool:
        """Whether a line says so."""
        return (_folded(name), ip) in self._known


class DnsNames:
    """Names from the campaign's own resolver; never from the system's."""

    def __init__(self, ip: int, port: int) -> None:
        """Address (number) and port of the resolver."""
        self._resolver = dns.asyncresolver.Resolver(configure=False)
        self._resolver.nameservers = [format_ip(ip)]
        self._resolver.port = port
        self._resolver.lifetime = _LIFETIME
        self._resolver.cache = dns.resolver.LRUCache(_REMEMBERED)

    async def points_to(self, name: bytes, ip: int) -> bool:
        """Whether one of the name's addresses is this one."""
        if not _HOST.fullmatch(_folded(name)):
            return False
        try:
            absolute = dns.name.from_text(name.decode("ascii"))
            answer = await self._resolver.resolve(absolute, "A", search=False)
        except (dns.exception.DNSException, OSError, UnicodeError):
            return False
        return format_ip(ip) in {record.to_text() for record in answer}


def open_names(spec: str) -> Names:
    """The way that a plan's ``names`` names: ``none``, ``hosts:<path>`` or ``dns:<ip>:<port>``.

    Raises:
        ConfigError: It is none of these, or the file is no hosts file.
    """
    way, _, where = spec.partition(":")
    if way == "none" and not where:
        return NoNames()
    if way == "hosts" and where:
        return HostsFile(Path(where))
    host, _, port = where.rpartition(":")
    try:
        if way != "dns":
            raise ValueError(spec)  # noqa: TRY301 - one message for all that is wrong
        return DnsNames(parse_ip(host), int(port))
    except ValueError as error:
        raise ConfigError(
            "plan", "names", f"{spec!r} is no way to check names", "none, hosts:PATH or dns:IP:PORT"
        ) from error


def _folded(name: bytes) -> bytes:
    return name.lower().rstrip(b".")
