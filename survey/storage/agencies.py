"""The participating agencies: one TOML file each, and where two of them see the same."""

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from survey.errors import ConfigError
from survey.model.address import Range, format_ip
from survey.model.agency import Agency, Jurisdiction
from survey.storage.config_file import read_config

_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_COUNTRY = re.compile(r"[A-Z]{2}")
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?")
_MAILBOX = re.compile(r"[A-Za-z0-9._+-]+@([a-z0-9-]+\.)+[a-z0-9-]+")
_LINE = re.compile(r"[^\x00-\x1f\x7f]+")


def _matching(pattern: re.Pattern[str], cure: str) -> AfterValidator:
    def check(text: str) -> str:
        if not pattern.fullmatch(text):
            raise ValueError(f"{text!r} won't do; {cure}")
        return text

    return AfterValidator(check)


def _range(text: str) -> Range:
    try:
        network = ipaddress.IPv4Network(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is no IPv4 range ({error}); write it as 192.0.2.0/24") from None
    return Range(int(network.network_address), int(network.broadcast_address))


def _cidr(text: str) -> str:
    _range(text)
    return text


Country = Annotated[str, _matching(_COUNTRY, 'write an ISO 3166-1 code in capitals, like "ES"')]
Language = Annotated[str, _matching(_LANGUAGE, 'write a BCP 47 tag, like "es" or "pt-BR"')]
Network = Annotated[int, Field(ge=1, le=2**32 - 1)]
Cidr = Annotated[str, AfterValidator(_cidr)]


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _JurisdictionTable(_Closed):
    countries: list[Country] = []
    networks: list[Network] = []
    cidrs: list[Cidr] = []
    exclude: list[Cidr] = []


class _AgencyFile(_Closed):
    id: Annotated[str, _matching(_ID, "use lower-case letters, digits and single hyphens")]
    name: Annotated[str, _matching(_LINE, "write one line of text")]
    country: Country
    languages: Annotated[list[Language], Field(min_length=1)]
    contact: Annotated[str, _matching(_MAILBOX, "write one plain mail address")]
    page: Annotated[str, _matching(re.compile(r"https://[!-~]+"), "write an https address")]
    tlp: Literal["TLP:RED", "TLP:AMBER+STRICT", "TLP:AMBER", "TLP:GREEN", "TLP:CLEAR"]
    jurisdiction: _JurisdictionTable


@dataclass(frozen=True, slots=True)
class Overlap:
    """Two agencies that would see the same part of the internet.

    Attributes:
        first: Agency id.
        second: Agency id, after ``first`` in order.
        shared: What both claim, as a person writes it: ``country ES``, ``AS64500``, first and last
            address of a range.
    """

    first: str
    second: str
    shared: str


def read_agency(path: Path) -> Agency:
    """The agency that one file describes; the file is named after its id.

    Raises:
        ConfigError: A key is missing, unknown or wrong; file, key and cure are named.
    """
    file = read_config(path, _AgencyFile)
    if file.id != path.stem:
        raise ConfigError(path, "id", f"{file.id!r} is not the file's name", f"use {path.stem!r}")
    claims = file.jurisdiction
    if not (claims.countries or claims.networks or claims.cidrs):
        raise ConfigError(
            path, "jurisdiction", "is empty", "name countries, networks or cidrs it answers for"
        )
    return Agency(
        id=file.id,
        name=file.name,
        country=file.country,
        languages=tuple(file.languages),
        jurisdiction=Jurisdiction(
            countries=frozenset(claims.countries),
            networks=frozenset(claims.networks),
            ranges=tuple(_range(text) for text in claims.cidrs),
            excluded=tuple(_range(text) for text in claims.exclude),
        ),
        contact=file.contact,
        page=file.page,
        tlp=file.tlp,
    )


def read_agencies(folder: Path) -> tuple[Agency, ...]:
    """Every agency of the folder's ``*.toml`` files, by id.

    Raises:
        ConfigError: The folder is missing, or one of its files is wrong.
    """
    if not folder.is_dir():
        raise ConfigError(folder, "", "is no folder", "give the folder with one TOML per agency")
    return tuple(read_agency(path) for path in sorted(folder.glob("*.toml")))


def find_agency(folder: Path, agency: str) -> Agency:
    """The agency of that id.

    Raises:
        ConfigError: No file of the folder describes it, or its file is wrong.
    """
    path = folder / f"{agency}.toml"
    if not _ID.fullmatch(agency) or not path.is_file():
        known = ", ".join(sorted(file.stem for file in folder.glob("*.toml"))) or "none"
        raise ConfigError(folder, "", f"no agency {agency!r}", f"agencies there: {known}")
    return read_agency(path)


def overlaps(agencies: tuple[Agency, ...]) -> tuple[Overlap, ...]:
    """Every part that two agencies claim in the same words.

    Both may be right (a national team and a regulator), so it is reported and not refused.  A
    country's overlap with another agency's network or range needs a registry and is not seen here.
    """
    return tuple(
        Overlap(first.id, second.id, shared)
        for first, second in combinations(sorted(agencies, key=lambda agency: agency.id), 2)
        for shared in _shared(first.jurisdiction, second.jurisdiction)
    )


def _shared(one: Jurisdiction, other: Jurisdiction) -> Iterator[str]:
    for country in sorted(one.countries & other.countries):
        yield f"country {country}"
    for network in sorted(one.networks & other.networks):
        yield f"AS{network}"
    for mine in one.ranges:
        for theirs in other.ranges:
            start, end = max(mine.start, theirs.start), min(mine.end, theirs.end)
            if start <= end:
                yield f"{format_ip(start)}-{format_ip(end)}"
