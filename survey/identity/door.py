"""The one door through which we look at ourselves from outside: our own names and pages only.

It is no way out to targets.  A name is looked up only if it is the campaign's own, an address only
if it is one of its source addresses, and a page is fetched over TLS from an address that its name
has just resolved to, if a campaign of this kind may send there at all.  No redirect is followed,
and what comes in is bounded.
"""

import ssl
from collections.abc import Callable
from urllib.parse import urlsplit

import dns.exception
import dns.resolver
import dns.reversename
import urllib3

from survey.errors import GateClosedError
from survey.model.address import format_ip, parse_ip
from survey.model.plan import Endpoint, Identity
from survey.probes.introduction import agent
from survey.targets.ranges import RangeSet

SECONDS = 5.0
"""Patience with the resolver, and with a web server's every step."""

MOST = 256 << 10
"""Bytes of a page that are read."""

HTTPS = 443


class UnseenError(Exception):
    """What we looked for is not to be seen from outside; its text says why, one line."""


class SilentError(UnseenError):
    """No resolver answers, so nothing more can be told."""


class IdentityDoor:
    """Answers what the world sees of an identity.

    Args:
        identity: Whose names, addresses and pages.
        resolver: Where names are looked up; None for the system's resolvers.
        reach: Where a campaign of its kind may send at all.
        port: Where our web servers are.
    """

    def __init__(
        self, identity: Identity, resolver: Endpoint | None, reach: RangeSet, port: int = HTTPS
    ) -> None:
        self._identity, self._reach, self._port = identity, reach, port
        self._hosts = frozenset({identity.helo, urlsplit(identity.page).hostname or ""})
        self._ask = _resolver(resolver)

    def addresses(self, name: str) -> tuple[int, ...]:
        """The IPv4 addresses of one of our names, sorted.

        Raises:
            GateClosedError: It is not ours.
            UnseenError: It has none.
        """
        if name not in self._hosts:
            raise GateClosedError(f"{name}: is no name of this campaign's identity")
        return tuple(sorted(map(parse_ip, self._ask(name, "A"))))

    def names(self, ip: int) -> tuple[str, ...]:
        """The names that one of our source addresses has in reverse DNS, sorted, without last dot.

        Raises:
            GateClosedError: It is not ours.
            UnseenError: It has none.
        """
        if ip not in self._identity.source_addresses:
            raise GateClosedError(f"{format_ip(ip)}: is no source address of this campaign")
        name = dns.reversename.from_address(format_ip(ip)).to_text()
        return tuple(sorted(text.rstrip(".").lower() for text in self._ask(name, "PTR")))

    def page(self, url: str) -> str:
        """What one of our web servers has at ``url``, at most MOST bytes of it.

        Raises:
            GateClosedError: It is not ours.
            UnseenError: It is not to be had.
        """
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or self._port
        ip = next((ip for ip in self.addresses(host) if ip in self._reach), None)
        if parts.scheme != "https" or ip is None:
            raise UnseenError(f"{host} is at no address that the internet can reach")
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        with urllib3.HTTPSConnectionPool(
            format_ip(ip),
            port,
            ssl_context=ssl.create_default_context(),
            server_hostname=host,
            assert_hostname=host,
            timeout=SECONDS,
            retries=False,
        ) as pool:
            try:
                answer = pool.request(
                    "GET",
                    path,
                    headers={"Host": parts.netloc, "User-Agent": agent(self._identity)},
                    redirect=False,
                    preload_content=False,
                )
                content = answer.read(MOST)
                answer.close()
            except urllib3.exceptions.HTTPError as error:
                raise UnseenError(f"{url} can't be fetched ({_why(error)})") from error
        if answer.status != 200:  # noqa: PLR2004 - OK
            raise UnseenError(f"{url} is answered with HTTP {answer.status}")
        return str(content.decode("utf-8", "replace"))


def _resolver(at: Endpoint | None) -> Callable[[str, str], list[str]]:
    try:
        resolver = dns.resolver.Resolver(configure=at is None)
    except dns.resolver.NoResolverConfiguration as error:
        problem = f"this machine has no resolver ({error})"
        return lambda _name, _kind: _unseen(problem)
    if at is not None:
        resolver.nameservers, resolver.port = [format_ip(at.ip)], at.port
    resolver.lifetime = SECONDS

    def ask(name: str, kind: str) -> list[str]:
        try:
            answer = resolver.resolve(name, kind, search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            raise UnseenError(f"{name} has no {kind} record") from None
        except (dns.exception.DNSException, OSError) as error:
            raise SilentError(f"{name} can't be looked up ({_why(error)})") from error
        return [record.to_text() for record in answer]

    return ask


def _unseen(problem: str) -> list[str]:
    raise SilentError(problem)


def _why(error: Exception) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:120]}" if text else type(error).__name__
