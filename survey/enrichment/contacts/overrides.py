"""What agencies say about who answers for addresses: ``overrides/<agency>.toml``.

An agency's word counts for addresses that it answers for, and there before everything else.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from survey.errors import ConfigError
from survey.model.address import Range
from survey.model.contact import Contact, ContactSource
from survey.storage.agency_file import Language
from survey.storage.config_file import read_config
from survey.targets.values import Cidr, Day, Line, Mailbox, Network


class OverrideTable(BaseModel):
    """``[[contacts]]``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    prefixes: tuple[Cidr, ...] = ()
    networks: tuple[Network, ...] = ()
    mail: Mailbox
    name: Line = ""
    language: Language | None = None
    said_by: Line
    said_on: Day
    until: Day | None = None

    @model_validator(mode="after")
    def _is_about_something(self) -> Self:
        if not self.prefixes and not self.networks:
            raise ValueError("is about no address; name prefixes or networks")
        if self.until is not None and self.until < self.said_on:
            raise ValueError("until lies before said_on; write a later day, or leave it out")
        return self


class OverrideFile(BaseModel):
    """The whole file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    contacts: Annotated[tuple[OverrideTable, ...], Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class Override:
    """One entry of one agency.

    Attributes:
        agency: Agency id.
        ranges: Addresses that it is about.
        networks: Networks that it is about.
        until: Last day on which it counts, or None.
        contact: Whom it names.
    """

    agency: str
    ranges: tuple[Range, ...]
    networks: frozenset[int]
    until: date | None
    contact: Contact

    def closeness(self, ip: int, asn: int | None) -> int:
        """How closely it is about an address: 0 not at all, 1 by network, more the narrower."""
        widths = [len(part) for part in self.ranges if ip in part]
        if widths:
            return 2**33 - min(widths)
        return int(asn in self.networks)


def read_overrides(folder: Path, agencies: tuple[str, ...]) -> tuple[Override, ...]:
    """Every entry of every agency's file, by agency, as they stand.

    Raises:
        ConfigError: The folder is missing, a file is wrong or is no agency's, or an agency says
            two things about the same prefix or network.
    """
    if not folder.is_dir():
        raise ConfigError(folder, "", "is no folder", "make it, or take overrides out")
    found = []
    for path in sorted(folder.glob("*.toml")):
        if path.stem not in agencies:
            known = ", ".join(sorted(agencies)) or "none"
            raise ConfigError(path, "", f"no agency {path.stem!r}", f"agencies: {known}")
        found += _read(path)
    return tuple(found)


def override_of(
    overrides: tuple[Override, ...], agency: str, ip: int, asn: int | None, day: date
) -> Contact | None:
    """What an agency says about an address on a day: by the narrowest range, else by network."""
    mine = [
        one for one in overrides if one.agency == agency and (one.until is None or day <= one.until)
    ]
    best = max(mine, key=lambda one: one.closeness(ip, asn), default=None)
    return best.contact if best is not None and best.closeness(ip, asn) else None


def _read(path: Path) -> list[Override]:
    seen: set[Range | int] = set()
    found = []
    for at, table in enumerate(read_config(path, OverrideFile).contacts):
        abouts: tuple[Range | int, ...] = (*table.prefixes, *table.networks)
        for one in abouts:
            if one in seen:
                raise ConfigError(
                    path, f"contacts.{at}", "is about what another entry is about", "keep one"
                )
            seen.add(one)
        contact = Contact(
            email=table.mail,
            name=table.name,
            language=table.language or "",
            snapshot="",
            source=ContactSource.OVERRIDE,
            server=f"{path.stem}: {table.said_by}",
            found_at=datetime.combine(table.said_on, time(), UTC),
        )
        found.append(
            Override(path.stem, table.prefixes, frozenset(table.networks), table.until, contact)
        )
    return found
