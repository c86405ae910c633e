"""What things are called in a report: tests, networks, programs, places, periods, rates."""

from datetime import timedelta

from survey.model.agency import Jurisdiction
from survey.model.exposure import NetworkExposure
from survey.model.hostile import show_text
from survey.model.period import Cadence, Period
from survey.model.probe import Probe
from survey.model.software import PRODUCTS
from survey.reports.figures import Figures
from survey.reports.interval import wilson
from survey.reports.languages import Language

_UNITS = (1_000, 100_000, 1_000_000)
_NAME = 80
_COUNTRIES = 3
NONE = "\N{EN DASH}"
"""Where there is no number to give."""


def probe_name(language: Language, probe: Probe) -> str:
    """What a test is called."""
    match probe:
        case Probe.SMTP_RELAY:
            return language.say("Mail relay (SMTP)")
        case Probe.HTTP_CONNECT | Probe.HTTP_GET | Probe.HTTP_POST:
            method = probe.value.removeprefix("http_").upper()
            return language.say("HTTP proxy (%(method)s)", method=method)
        case Probe.SOCKS4 | Probe.SOCKS4A | Probe.SOCKS5:
            protocol = f"SOCKS {probe.value.removeprefix('socks')}"
            return language.say("%(protocol)s proxy", protocol=protocol)
        case Probe.TELNET:
            return language.say("Telnet gateway")


def network_name(language: Language, name: str) -> str:
    """A network as its registry has it, made harmless; or that none is known."""
    return show_text(name, _NAME) if name else language.say("network unknown")


def network_number(asn: int | None) -> str:
    """``AS64500``, or nothing."""
    return "" if asn is None else f"AS{asn}"


def program_name(language: Language, software: str) -> str:
    """A program as its makers write it."""
    known = PRODUCTS.get(software)
    return known.name if known else language.say("not recognised")


def place_name(language: Language, jurisdiction: Jurisdiction) -> str:
    """Its countries, if they are all it has and few; else that it is the reader's own part."""
    plain = not (jurisdiction.networks or jurisdiction.ranges or jurisdiction.excluded)
    if not plain or len(jurisdiction.countries) > _COUNTRIES:
        return language.say("Your jurisdiction")
    return language.listed([language.country(code) for code in sorted(jurisdiction.countries)])


def country_name(language: Language, code: str) -> str:
    """A country, or that none is known."""
    return language.country(code) if code else language.say("country unknown")


def period_name(language: Language, period: Period) -> str:
    """A week by its number and days, a month by its name."""
    if period.cadence is Cadence.MONTHLY:
        return language.calendar_month(period.first)
    year, week, _ = period.first.isocalendar()
    days = language.days(period.first, period.first + timedelta(days=6))
    return language.say("week %(week)s of %(year)s (%(days)s)", week=week, year=year, days=days)


def unit_of(figures: Figures) -> int:
    """Addresses that a rate is given per, so that the whole jurisdiction's is at least about 1."""
    for unit in _UNITS:
        if figures.open * unit >= figures.tested:
            return unit
    return _UNITS[-1] if figures.open else _UNITS[0]


def rate(language: Language, open_servers: int, tested: int, unit: int) -> str:
    """Open servers per so many addresses tested."""
    return language.decimal(open_servers / tested * unit) if tested else NONE


def interval(language: Language, line: NetworkExposure, unit: int) -> str:
    """The 95 % interval of a network's rate."""
    if not line.tested:
        return NONE
    low, high = (language.decimal(end * unit) for end in wilson(line.open, line.tested))
    return language.span(low, high)
