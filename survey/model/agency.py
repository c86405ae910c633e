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
