"""The participating agencies: one TOML file each, and where two of them see the same."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations
from pathlib import Path
from typing import TypeVar

from survey.errors import ConfigError
from survey.model.address import format_ip
from survey.model.agency import Agency, Jurisdiction, Person
from survey.model.delivery import (
    Destination,
    FolderDestination,
    Format,
    MailDestination,
    S3Destination,
    SftpDestination,
)
from survey.model.experiment import Experiment
from survey.storage.agency_file import (
    AGENCY_ID,
    AgencyFile,
    ContactTable,
    DeliveryTable,
    ExperimentTable,
    range_of,
)
from survey.storage.config_file import read_config

Word = TypeVar("Word", bound=StrEnum)


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
    file = read_config(path, AgencyFile)
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
            ranges=tuple(range_of(text) for text in claims.cidrs),
            excluded=tuple(range_of(text) for text in claims.exclude),
        ),
        contact=file.contact,
        page=file.page,
        tlp=file.tlp,
        cadence=file.cadence,
        time_zone=file.time_zone,
        audiences=_once(path, "audiences", file.audiences),
        formats=_once(path, "formats", file.formats),
        delivery=_destinations(path, file.delivery, tuple(file.formats)),
        openpgp=path.parent / file.keys.openpgp if file.keys else None,
        fingerprint=file.keys.fingerprint if file.keys else "",
        contacts=tuple(map(_person, file.contacts)),
        experiment=_experiment(file.experiment) if file.experiment else None,
        logo=path.parent / file.logo if file.logo else None,
    )


def _once(path: Path, key: str, values: Sequence[Word]) -> tuple[Word, ...]:
    for value in values:
        if values.count(value) > 1:
            raise ConfigError(path, key, f"names {value.value!r} twice", "write it once")
    return tuple(values)


def _person(table: ContactTable) -> Person:
    return Person(table.name, table.role, table.mail, table.phone or "", tuple(table.languages))


def _experiment(table: ExperimentTable) -> Experiment:
    return Experiment(
        reference=table.reference,
        reason=table.reason,
        signed_by=table.signed_by,
        signed_on=table.signed_on,
        until=table.until,
        share=table.share,
        days=tuple(table.days),
        languages=tuple(table.languages),
        media=tuple(table.media),
        wordings=tuple(table.wordings),
    )


def _destinations(
    path: Path, table: DeliveryTable, formats: tuple[Format, ...]
) -> tuple[Destination, ...]:
    """Every destination, by its name; one without a name is named after its kind."""
    found: list[Destination] = [
        *(
            MailDestination(one.name or "mail", tuple(one.formats), tuple(one.to))
            for one in table.mail
        ),
        *(
            SftpDestination(
                one.name or "sftp",
                tuple(one.formats),
                one.host,
                one.port,
                one.user,
                one.folder,
                one.host_key,
                one.key,
                one.takes_away,
            )
            for one in table.sftp
        ),
        *(
            S3Destination(
                one.name or "s3",
                tuple(one.formats),
                one.endpoint,
                one.region,
                one.bucket,
                one.prefix,
                one.credentials,
                one.takes_away,
            )
            for one in table.s3
        ),
        *(
            FolderDestination(
                one.name or "folder", tuple(one.formats), Path(one.folder), one.takes_away
            )
            for one in table.folder
        ),
    ]
    names = [one.name for one in found]
    for one in found:
        if names.count(one.name) > 1:
            raise ConfigError(
                path, "delivery", f"two destinations are named {one.name!r}", "name them apart"
            )
        for format_ in one.formats:
            if format_ not in formats:
                raise ConfigError(
                    path,
                    "delivery",
                    f"{one.name!r} wants {format_.value!r}, which is not made",
                    "add it to the agency's formats",
                )
    return tuple(found)


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
    if not AGENCY_ID.fullmatch(agency) or not path.is_file():
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
