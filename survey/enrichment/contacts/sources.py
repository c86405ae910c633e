"""Each source of contacts that is asked over the network, and how; what it says is kept elsewhere.

An address has a place where it is asked about: a registry's server by the bootstrap, a DNS zone, or
its own name's organisation, if that name leads back to the address.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Protocol
from urllib.parse import urlsplit

from publicsuffixlist import PublicSuffixList

from survey.enrichment.contacts.abuse_c import read_abuse_c
from survey.enrichment.contacts.bootstrap import Bootstrap, read_bootstrap
from survey.enrichment.contacts.door import HTTPS, ContactsDoor, Page, Ways
from survey.enrichment.contacts.means import (
    AbuseCTable,
    AbuseZoneTable,
    Means,
    RdapTable,
    SecurityTxtTable,
)
from survey.enrichment.contacts.names import Names, UnsureError, is_name, points_back
from survey.enrichment.contacts.pace import Pace
from survey.enrichment.contacts.rdap import MOST_MAILBOXES, UnreadableError, read_network
from survey.enrichment.contacts.roles import is_plain, rank
from survey.enrichment.contacts.security_txt import PATH, read_security_txt
from survey.model.address import format_ip
from survey.model.contact import ContactSource
from survey.model.contact_answer import Mailbox, Said, alone, near
from survey.targets.ranges import RangeSet

MOST_NAMES = 5
"""Names of one address that are looked at."""
_JSON = ("application/json",)
_RDAP_JSON = ("application/rdap+json", "application/json")
_TEXT = ("text/plain",)
_SMALL = 32 << 10
_SEPARATORS = re.compile(r"[\s,;]+")


class NotAskedError(Exception):
    """A source that is not asked about this address; its text says why, one line."""


class Source(Protocol):
    """One source."""

    @property
    def kind(self) -> ContactSource:
        """Which one."""

    @property
    def patient(self) -> bool:
        """Whether it is so much better than those after it that its silence is waited for."""

    @property
    def places(self) -> tuple[str, ...]:
        """Hosts or zones that are asked; "" for our resolver or the address's own organisation."""

    def ask(self, ip: int, avoid: RangeSet, now: datetime) -> Said:
        """What it says about an address.

        Args:
            ip: The address.
            avoid: Addresses that are not dialled.
            now: UTC.

        Raises:
            NotAskedError: It is no source for this address, or must not be asked.
            UnsureError: It did not answer as it should.
        """


@dataclass(frozen=True, slots=True)
class Rdap:
    """The registry that has an address, over RDAP."""

    table: RdapTable
    bootstrap: Bootstrap
    door: ContactsDoor
    kind: ContactSource = ContactSource.RDAP
    patient: bool = True

    @property
    def places(self) -> tuple[str, ...]:
        """Every registry's server."""
        return self.table.hosts

    def ask(self, ip: int, avoid: RangeSet, now: datetime) -> Said:  # noqa: ARG002 - it is dated by us
        """The mailboxes of the network's abuse role."""
        base = self.bootstrap.server_of(ip)
        if base is None:
            raise NotAskedError("the bootstrap file knows no RDAP server for this address")
        if urlsplit(base).netloc not in self.table.hosts:
            raise NotAskedError(f"{urlsplit(base).netloc} is not among the hosts of [rdap]")
        ways = Ways(
            self.table.hosts.__contains__, _RDAP_JSON, self.table.per_minute, self.table.authority
        )
        page = self.door.get(f"{base}ip/{format_ip(ip)}", ways, avoid)
        if page.data is None:
            return Said(alone(ip), (), page.server)
        try:
            network = read_network(page.data, ip)
        except UnreadableError as error:
            raise _unreadable(page, error) from error
        return Said(near(ip, network.addresses), network.mailboxes, page.server)


@dataclass(frozen=True, slots=True)
class AbuseC:
    """The RIPE database, for addresses that its registry has."""

    table: AbuseCTable
    bootstrap: Bootstrap
    door: ContactsDoor
    kind: ContactSource = ContactSource.ABUSE_C
    patient: bool = True

    @property
    def places(self) -> tuple[str, ...]:
        """The database's server."""
        return (urlsplit(self.table.url).netloc,)

    def ask(self, ip: int, avoid: RangeSet, now: datetime) -> Said:  # noqa: ARG002 - it is dated by us
        """The abuse-c of the address's network."""
        base = self.bootstrap.server_of(ip)
        if base is None or urlsplit(base).netloc != self.table.registry:
            raise NotAskedError(f"{self.table.registry} does not have this address")
        host = urlsplit(self.table.url).netloc
        ways = Ways(host.__eq__, _JSON, self.table.per_minute, self.table.authority)
        page = self.door.get(f"{self.table.url}{format_ip(ip)}.json", ways, avoid)
        if page.data is None:
            return Said(alone(ip), (), page.server)
        try:
            about, mailboxes = read_abuse_c(page.data, ip)
        except UnreadableError as error:
            raise _unreadable(page, error) from error
        return Said(about, mailboxes, page.server)


@dataclass(frozen=True, slots=True)
class AbuseZone:
    """A DNS zone of abuse contacts: the address backwards has a TXT record of mailboxes."""

    table: AbuseZoneTable
    names: Names
    pace: Pace
    kind: ContactSource = ContactSource.ABUSE_ZONE
    patient: bool = False

    @property
    def places(self) -> tuple[str, ...]:
        """The zone."""
        return (self.table.zone,)

    def ask(self, ip: int, avoid: RangeSet, now: datetime) -> Said:  # noqa: ARG002 - nobody is dialled
        """The mailboxes of the record, abuse desks first."""
        zone = self.table.zone
        self.pace.turn(zone, self.table.per_minute)
        octets = ".".join(reversed(format_ip(ip).split(".")))
        try:
            records = self.names.texts(f"{octets}.{zone}")
        except UnsureError:
            self.pace.silent(zone)
            raise
        self.pace.answered(zone)
        words = [
            word
            for record in records
            for word in _SEPARATORS.split(record.decode("ascii", "replace"))
            if is_plain(word)
        ]
        best = sorted(dict.fromkeys(words), key=rank)[:MOST_MAILBOXES]
        return Said(alone(ip), tuple(map(Mailbox, best)), zone)


@dataclass(frozen=True, slots=True)
class ReverseName:
    """The abuse mailbox (RFC 2142 s2) at the organisation of an address's confirmed name."""

    names: Names
    kind: ContactSource = ContactSource.REVERSE_NAME
    patient: bool = False

    @property
    def places(self) -> tuple[str, ...]:
        """Our resolver."""
        return ("",)

    def ask(self, ip: int, avoid: RangeSet, now: datetime) -> Said:  # noqa: ARG002 - nobody is dialled
        """``abuse@`` each organisation."""
        found = organisations(self.names, ip)
        name = next(iter(found.values()), "")
        return Said(alone(ip), tuple(Mailbox(f"abuse@{one}") for one in found), name)


@dataclass(frozen=True, slots=True)
class SecurityTxt:
    """What the organisation of an address's confirmed name publishes (RFC 9116)."""

    table: SecurityTxtTable
    names: Names
    door: ContactsDoor
    kind: ContactSource = ContactSource.SECURITY_TXT
    patient: bool = False

    @property
    def places(self) -> tuple[str, ...]:
        """The organisation itself."""
        return ("",)

    def ask(self, ip: int, avoid: RangeSet, now: datetime) -> Said:
        """The mailboxes of the first organisation that has a valid one."""
        found = organisations(self.names, ip)
        port = "" if self.table.port == HTTPS else f":{self.table.port}"
        for name in found:

            def may_ask(place: str, own: str = name) -> bool:
                host = place.removesuffix(port)
                return place == host + port and (host == own or host.endswith(f".{own}"))

            ways = Ways(may_ask, _TEXT, self.table.per_minute, self.table.authority, _SMALL)
            page = self.door.get(f"https://{name}{port}{PATH}", ways, avoid)
            mailboxes = read_security_txt(page.data or b"", now)
            if mailboxes:
                return Said(alone(ip), mailboxes, page.server)
        return Said(alone(ip), (), ", ".join(found))


def open_sources(means: Means, names: Names, reach: RangeSet, pace: Pace) -> tuple[Source, ...]:
    """The sources that ``contacts.toml`` allows.

    Raises:
        ConfigError: The bootstrap file is missing or wrong.
    """
    door = ContactsDoor(names, reach, means.agent, pace)
    found: list[Source] = []
    if means.rdap is not None:
        bootstrap = read_bootstrap(means.rdap.bootstrap)
        found.append(Rdap(means.rdap, bootstrap, door))
        if means.abuse_c is not None:
            found.append(AbuseC(means.abuse_c, bootstrap, door))
    if means.abuse_zone is not None:
        found.append(AbuseZone(means.abuse_zone, names, pace))
    if means.reverse_names is not None:
        found.append(ReverseName(names))
    if means.security_txt is not None:
        found.append(SecurityTxt(means.security_txt, names, door))
    return tuple(found)


def organisations(names: Names, ip: int) -> dict[str, str]:
    """The registrable domain of each name of an address that leads back to it, with that name.

    Without the way back a name says nothing: whoever has the address writes there what they like.

    Raises:
        UnsureError: It could not be told.
    """
    found: dict[str, str] = {}
    for name in names.reverse(ip)[:MOST_NAMES]:
        if is_name(name) and points_back(names, name, [ip]):
            domain = _suffixes().privatesuffix(name)
            if domain:
                found.setdefault(domain, name)
    return found


@cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()


def _unreadable(page: Page, error: UnreadableError) -> UnsureError:
    return UnsureError(f"the answer of {page.server} {error}")
