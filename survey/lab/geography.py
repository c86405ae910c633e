"""Who holds which addresses of the lab: countries and networks of unequal size and care.

Country codes are real, so that reports look as they will; every network, name and figure is
invented and says nothing about any country.  Network numbers are those of documentation and
private use (RFC 5398, RFC 6996).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from survey.lab.draws import BLOCK, Draws
from survey.model.address import Range


class Trade(StrEnum):
    """What a network is for; decides what machines stand in it."""

    BROADBAND = "broadband"
    MOBILE = "mobile"
    HOSTING = "hosting"
    UNIVERSITY = "university"
    BUSINESS = "business"
    GOVERNMENT = "government"


@dataclass(frozen=True, slots=True)
class Country:
    """One country of the lab.

    Attributes:
        code: ISO 3166-1 alpha-2.
        language: What its operators read (BCP 47).
        size: Its share of the networks, relative to the others.
        neglect: How many of its servers are left open, relative to the others.
    """

    code: str
    language: str
    size: float
    neglect: float


COUNTRIES = (
    Country("ES", "es", 9, 1.0),
    Country("MX", "es", 7, 1.6),
    Country("AR", "es", 5, 1.3),
    Country("CL", "es", 3, 0.8),
    Country("CO", "es", 4, 1.4),
    Country("US", "en", 12, 0.8),
    Country("CA", "en", 4, 0.5),
    Country("GB", "en", 5, 0.6),
    Country("AU", "en", 3, 0.5),
    Country("IN", "en", 6, 1.7),
    Country("BR", "pt", 7, 1.8),
    Country("PT", "pt", 2, 0.7),
    Country("FR", "fr", 5, 0.7),
    Country("DE", "de", 5, 0.4),
    Country("PL", "pl", 3, 0.9),
    Country("FI", "fi", 2, 0.2),
    Country("JP", "ja", 5, 0.4),
    Country("KR", "ko", 4, 1.2),
    Country("ZA", "en", 3, 1.1),
    Country("EG", "ar", 0, 1.5),
)
"""A country of size 0 has only the networks that are seated there."""

_SEATS = {64503: "EG", 64504: "EG"}
"""Networks that an agency of the lab answers for, and so stand in its country."""

_ROOTS = [
    "Altamar",
    "Brisal",
    "Cumbre",
    "Dorvane",
    "Estela",
    "Farolia",
    "Girasol",
    "Horizonte",
    "Iberna",
    "Jacaral",
    "Kestrel",
    "Lumbre",
    "Meridia",
    "Nimbora",
    "Olivar",
    "Palmera",
    "Quillar",
    "Ribera",
    "Solandra",
    "Tramonta",
    "Umbria",
    "Velamar",
    "Wendal",
    "Xalina",
    "Yarrow",
    "Zefira",
    "Arbolea",
    "Bastion",
    "Cierzo",
    "Delfina",
    "Encina",
    "Fontana",
    "Glaciar",
    "Huerta",
    "Islote",
    "Jarama",
    "Kelpie",
    "Laurel",
    "Mistral",
    "Nogal",
    "Oriela",
    "Pinar",
    "Quasar",
    "Roble",
    "Salina",
    "Tejada",
    "Ultramar",
    "Vereda",
    "Windrow",
    "Xenial",
    "Yunque",
    "Zarzal",
    "Acanto",
    "Boreal",
    "Caleta",
    "Dunas",
    "Espiga",
    "Fresno",
    "Garza",
    "Helecho",
    "Indigo",
    "Junco",
    "Kiosk",
    "Lince",
]

_SUFFIXES = {
    Trade.BROADBAND: "Broadband",
    Trade.MOBILE: "Mobile",
    Trade.HOSTING: "Hosting",
    Trade.UNIVERSITY: "University",
    Trade.BUSINESS: "Industries",
    Trade.GOVERNMENT: "Public Services",
}

_TRADES = (
    (Trade.BROADBAND, 0.30),
    (Trade.HOSTING, 0.27),
    (Trade.BUSINESS, 0.18),
    (Trade.UNIVERSITY, 0.10),
    (Trade.MOBILE, 0.08),
    (Trade.GOVERNMENT, 0.07),
)

_CROWD = {
    Trade.BROADBAND: 0.7,
    Trade.MOBILE: 0.3,
    Trade.HOSTING: 2.2,
    Trade.UNIVERSITY: 1.2,
    Trade.BUSINESS: 1.0,
    Trade.GOVERNMENT: 0.6,
}

FIRST_ASN = 64496
"""First of the numbers for documentation; from 64512 on they are for private use."""
_UNITS = 256
_SPREADING = 0.12
_NO_CONTACT = 0.06
_UNHELD = 0.03


@dataclass(frozen=True, slots=True)
class Network:
    """One invented network.

    Attributes:
        asn: Its number.
        name: Its name.
        domain: Its domain, under ``.example``.
        trade: What it is for.
        country: Where it sits.
        neglect: How many of its servers are left open, relative to the others.
        crowd: How many of its addresses answer, relative to the others.
        contact: Who answers for it, or "" if nobody is known to.
    """

    asn: int
    name: str
    domain: str
    trade: Trade
    country: Country
    neglect: float
    crowd: float
    contact: str


@dataclass(frozen=True, slots=True)
class Holding:
    """Addresses that one network holds in one country; neither, in a gap."""

    range: Range
    network: Network | None
    country: Country | None


@dataclass(frozen=True, slots=True)
class Geography:
    """Every address of the lab in exactly one holding, in order."""

    networks: tuple[Network, ...]
    holdings: tuple[Holding, ...]


def make_geography(draws: Draws, ranges: Sequence[Range], networks: int = 60) -> Geography:
    """Deal the ranges (sorted, disjoint) out to about so many networks and a few gaps."""
    units = _units(ranges)
    held = tuple(_network(draws, index) for index in range(min(networks, max(1, len(units) // 3))))
    owners = _owners(draws, held, len(units))
    holdings: list[Holding] = []
    for unit, (network, country) in zip(units, owners, strict=True):
        last = holdings[-1] if holdings else None
        if last and (last.network, last.country, last.range.end + 1) == (
            network,
            country,
            unit.start,
        ):
            holdings[-1] = Holding(Range(last.range.start, unit.end), network, country)
        else:
            holdings.append(Holding(unit, network, country))
    return Geography(held, tuple(holdings))


def _units(ranges: Sequence[Range]) -> list[Range]:
    """The ranges cut into pieces that are dealt out whole: /24s, smaller ones in a small lab."""
    size = max(1, min(BLOCK, sum(map(len, ranges)) // _UNITS))
    return [
        Range(start, min(start + size - 1, part.end))
        for part in ranges
        for start in range(part.start, part.end + 1, size)
    ]


def _network(draws: Draws, index: int) -> Network:
    asn = FIRST_ASN + index
    trade = draws.weigh(_TRADES, "trade", asn)
    drawn = draws.weigh([(one, one.size) for one in COUNTRIES], "country", asn)
    country = next((one for one in COUNTRIES if one.code == _SEATS.get(asn)), drawn)
    root = draws.shuffle(_ROOTS, "names")[index % len(_ROOTS)]
    domain = f"{root.lower()}{index // len(_ROOTS) or ''}.example"
    return Network(
        asn=asn,
        name=f"{root} {_SUFFIXES[trade]}",
        domain=domain,
        trade=trade,
        country=country,
        neglect=country.neglect * 4 ** draws.between(-1, 1, "neglect", asn),
        crowd=_CROWD[trade] * 2 ** draws.between(-1, 1, "crowd", asn),
        contact="" if draws.share("contact", asn) < _NO_CONTACT else f"abuse@{domain}",
    )


Owner = tuple[Network | None, Country | None]


def _owners(draws: Draws, networks: Sequence[Network], units: int) -> list[Owner]:
    """The owner of each unit: runs of unequal length in a drawn order, a few of nobody."""
    weights = [1 / (rank + 1) ** 0.8 for rank in range(len(networks))]
    runs: list[tuple[Owner, int]] = []
    for network, weight in zip(draws.shuffle(networks, "rank"), weights, strict=True):
        quota = max(1, int(weight / sum(weights) * units * (1 - _UNHELD)))
        parts = min(quota, 1 + draws.number("parts", network.asn) % 3)
        for part in range(parts):
            abroad = part > 0 and draws.share("abroad", network.asn, part) < _SPREADING
            country = draws.pick(COUNTRIES, "abroad to", network.asn) if abroad else network.country
            length = quota // parts + (part < quota % parts)
            runs.append(((network, country), length))
    nobody = max(0, units - sum(length for _, length in runs))
    gaps = min(nobody, 4)
    runs += [((None, None), nobody // gaps + (gap < nobody % gaps)) for gap in range(gaps)]
    return [owner for owner, length in draws.shuffle(runs, "lay") for _ in range(length)][:units]
