"""A participating agency and whom it answers for."""

from dataclasses import dataclass

from survey.model.address import Range


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
    """

    id: str
    name: str
    country: str
    languages: tuple[str, ...]
    jurisdiction: Jurisdiction
    contact: str
    page: str
    tlp: str
