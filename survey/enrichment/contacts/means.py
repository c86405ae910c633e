"""``contacts.toml``: where contacts are looked for, and whom we may ask (docs/contacts.md).

Nobody is asked whom this file does not name.
"""

import re
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StrictInt, StrictStr, model_validator

from survey.model.contact import Contact, ContactSource
from survey.model.plan import Kind
from survey.storage.agency_file import Language, matching
from survey.storage.config_file import read_config
from survey.targets.values import Country, Day, Days, FilePath, Fqdn, Line, Mailbox, Page, Socket

_PLACE = re.compile(r"([a-z0-9-]+\.)*[a-z0-9-]+(:[0-9]{1,5})?")
_BASE = re.compile(r"https://[a-z0-9.-]+(:[0-9]{1,5})?/([A-Za-z0-9._-]+/)*")

Place = Annotated[StrictStr, matching(_PLACE, 'write a host in lower case, "rdap.example"')]


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NamesTable(_Closed):
    """``[names]``: the only place where names are looked up."""

    resolver: Socket | None = None
    hosts: FilePath | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.resolver is None) == (self.hosts is None):
            raise ValueError(
                "names no way, or two; write resolver or hosts, since else nobody knows whether "
                "a mailbox lies at the server that a letter is about"
            )
        return self


class CacheTable(_Closed):
    """``[cache]``: how long answers are used again, in days."""

    days: Days = 14
    nobody_days: Annotated[StrictInt, Field(ge=0, le=365)] = 3
    patience_days: Annotated[StrictInt, Field(ge=0, le=365)] = 3


class RdapTable(_Closed):
    """``[rdap]``: the registries' servers, and which one has which addresses (RFC 9224)."""

    bootstrap: FilePath
    hosts: Annotated[tuple[Place, ...], Field(min_length=1)]
    per_minute: Annotated[StrictInt, Field(ge=1, le=6000)] = 20
    authority: FilePath | None = None


class AbuseCTable(_Closed):
    """``[abuse_c]``: the RIPE database, for addresses that the named RDAP server has."""

    url: Annotated[StrictStr, matching(_BASE, "write https://host/folder/ with its last slash")]
    registry: Place
    per_minute: Annotated[StrictInt, Field(ge=1, le=6000)] = 20
    authority: FilePath | None = None


class AbuseZoneTable(_Closed):
    """``[abuse_zone]``: a DNS zone with a TXT record of mailboxes for each address."""

    zone: Fqdn
    permission: Line
    per_minute: Annotated[StrictInt, Field(ge=1, le=60000)] = 120


class ReverseNamesTable(_Closed):
    """``[reverse_names]``: the abuse mailbox at an address's own name, if the table is there."""


class SecurityTxtTable(_Closed):
    """``[security_txt]``: what the organisation of that name publishes, if the table is there."""

    port: Annotated[StrictInt, Field(ge=1, le=65535)] = 443
    per_minute: Annotated[StrictInt, Field(ge=1, le=600)] = 30
    authority: FilePath | None = None


class CertTable(_Closed):
    """``[[certs]]``: the national CERT of a country, and the day on which that was looked up."""

    country: Country
    mail: Mailbox
    name: Line
    said_by: Line
    said_on: Day
    language: Language | None = None


class Means(_Closed):
    """The whole file."""

    kind: Annotated[Kind, Field(strict=False)] = Kind.SURVEY
    page: Page
    contact: Mailbox
    suppressed: FilePath
    optouts: FilePath
    overrides: FilePath | None = None
    most_questions: Annotated[StrictInt, Field(ge=0, le=1_000_000)] = 2000
    names: NamesTable
    cache: CacheTable = CacheTable()
    rdap: RdapTable | None = None
    abuse_c: AbuseCTable | None = None
    abuse_zone: AbuseZoneTable | None = None
    reverse_names: ReverseNamesTable | None = None
    security_txt: SecurityTxtTable | None = None
    certs: tuple[CertTable, ...] = ()

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        if self.abuse_c is not None and (
            self.rdap is None or self.abuse_c.registry not in self.rdap.hosts
        ):
            raise ValueError(
                "abuse_c.registry is no host of [rdap]; name it there, too: its bootstrap says "
                "which addresses it has"
            )
        if self.kind is Kind.SURVEY and self.names.resolver is None:
            raise ValueError(
                "names.hosts is for a lab: it takes every name that it does not have for somebody "
                "else's; write names.resolver"
            )
        countries = [one.country for one in self.certs]
        for country in countries:
            if countries.count(country) > 1:
                raise ValueError(f"certs names {country} twice; keep one")
        return self

    @property
    def agent(self) -> str:
        """What we call ourselves where we ask."""
        return f"secure-your-server (+{self.page}; {self.contact})"

    def cert_of(self, country: str) -> Contact | None:
        """The national CERT of a country, or None."""
        for one in self.certs:
            if one.country == country:
                return Contact(
                    email=one.mail,
                    name=one.name,
                    language=one.language or "",
                    snapshot="",
                    source=ContactSource.CERT,
                    server=one.said_by,
                    found_at=datetime.combine(one.said_on, time(), UTC),
                )
        return None


def read_means(path: Path) -> Means:
    """Where contacts are looked for.

    Raises:
        ConfigError: The file is missing, or a key is wrong.
    """
    return read_config(path, Means)
