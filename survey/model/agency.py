"""A participating agency and whom it answers for."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from survey.model.address import Range
from survey.model.delivery import Audience, Destination, Format
from survey.model.experiment import Experiment
from survey.model.period import Cadence


@dataclass(frozen=True, slots=True)
class Jurisdiction:
    """The part of the internet that an agency may see (law 8); any of the three may match.

    Attributes:
        countries: ISO 3166-1 alpha-2 codes, upper case.
        networks: Autonomous system numbers.
        ranges: Address ranges.
        excluded: Address ranges that are not its, whatever else matches.
    """

    countries: frozenset[str]
    networks: frozenset[int]
    ranges: tuple[Range, ...]
    excluded: tuple[Range, ...]

    def closeness(self, ip: int, country: str, asn: int | None) -> int:
        """How closely it answers for an address: 3 by range, 2 by network, 1 by country, 0 not."""
        if any(ip in part for part in self.excluded):
            return 0
        if any(ip in part for part in self.ranges):
            return 3
        if asn in self.networks:
            return 2
        return 1 if country in self.countries else 0


@dataclass(frozen=True, slots=True)
class Person:
    """Whom to call or write to at an agency, for us; never published.

    Attributes:
        name: Name of a person or desk.
        role: What for, one line.
        mail: Mailbox.
        phone: Number, or "".
        languages: Languages spoken, most preferred first (BCP 47); empty: the agency's.
    """

    name: str
    role: str
    mail: str
    phone: str
    languages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Agency:
    """One participating agency.

    Attributes:
        id: Short name used in files and options, ``[a-z0-9-]+``.
        name: Full name, as it signs.
        country: Where it sits, ISO 3166-1 alpha-2.
        languages: Its languages, most preferred first (BCP 47).
        jurisdiction: Whom it answers for.
        contact: A staffed address for questions.
        page: Its web page on this operation.
        tlp: Marking of what it receives, TLP 2.0 (``TLP:AMBER`` ...).
        cadence: How often it gets a report.
        time_zone: By whose calendar a week or month ends (IANA name).
        audiences: Who reads there.
        formats: The files it gets.
        delivery: Where they go; nowhere: they are only made.
        openpgp: File with its OpenPGP certificate: what is delivered is encrypted to it; or None.
        fingerprint: That certificate's fingerprint as the agency gave it in person, or "".
        contacts: Whom to call or write to.
        experiment: How it wants to learn whether letters help, if it signed that.
        logo: File with its logo (PNG or SVG), for letters on paper, or None.
    """

    id: str
    name: str
    country: str
    languages: tuple[str, ...]
    jurisdiction: Jurisdiction
    contact: str
    page: str
    tlp: str
    cadence: Cadence = Cadence.WEEKLY
    time_zone: str = "UTC"
    audiences: tuple[Audience, ...] = (Audience.MANAGEMENT, Audience.TECHNICAL)
    formats: tuple[Format, ...] = (Format.HTML, Format.CSV)
    delivery: tuple[Destination, ...] = ()
    openpgp: Path | None = None
    fingerprint: str = ""
    contacts: tuple[Person, ...] = ()
    experiment: Experiment | None = None
    logo: Path | None = None


def closest_agency(
    agencies: Iterable[Agency], ip: int, country: str, asn: int | None
) -> Agency | None:
    """The agency that answers for an address: the closest, the first of equals; or None."""

    def closeness(agency: Agency) -> int:
        return agency.jurisdiction.closeness(ip, country, asn)

    best = max(agencies, key=closeness, default=None)  # keeps the first of equals
    return best if best is not None and closeness(best) else None
