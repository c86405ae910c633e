"""Where the open servers are and what they are: networks, tests, programs, countries."""

from survey.model.exposure import NetworkExposure
from survey.reports.document import Bar, Bars, Block, Key, Paragraph, Picture, Row, Section, Table
from survey.reports.figures import Figures, Place, pooled
from survey.reports.languages import Language
from survey.reports.map import draw_map
from survey.reports.sections.names import (
    country_name,
    interval,
    network_name,
    network_number,
    probe_name,
    program_name,
    rate,
    unit_of,
)

RANKED = 10
"""Bars in a chart."""
LISTED = 25
"""Networks with a row of their own in the table; the others share one."""
_PLACES = 12


def networks(language: Language, figures: Figures) -> Section:
    """The most affected networks."""
    title = language.say("Where they are")
    ranked = [line for line in figures.affected if line.open][:RANKED]
    if not ranked:
        return Section("by-network", title, "", (_nothing(language),), narrow=True)
    longest = ranked[0].open
    bars = tuple(
        Bar(
            network_name(language, line.name),
            network_number(line.asn),
            language.number(line.open),
            "",
            (("relay", line.relays / longest), ("proxy", (line.open - line.relays) / longest)),
        )
        for line in ranked
    )
    legend = (
        Key("relay", language.say("open mail relay")),
        Key("proxy", language.say("only open proxy")),
    )
    note = language.say(
        "Open servers in the most affected networks: %(shown)s of %(all)s.",
        shown=language.number(len(ranked)),
        all=language.number(figures.holding),
    )
    return Section("by-network", title, note, (Bars(legend, bars),), narrow=True)


def probes(language: Language, figures: Figures) -> Section:
    """What each test found."""
    longest = max((line.open + line.suspected for line in figures.probes), default=0) or 1
    bars = tuple(
        Bar(
            probe_name(language, line.probe),
            "",
            language.number(line.open),
            language.say("suspected: %(n)s", n=language.number(line.suspected))
            if line.suspected
            else "",
            (("relay", line.open / longest), ("suspected", line.suspected / longest)),
        )
        for line in figures.probes
    )
    legend = (Key("relay", language.say("open")), Key("suspected", language.say("suspected")))
    return Section(
        "by-probe",
        language.say("What they are"),
        language.say("Servers per test. One server can be open in several ways."),
        (Bars(legend, bars),),
        narrow=True,
    )


def programs(language: Language, figures: Figures) -> Section:
    """Which programs the open servers run."""
    title = language.say("Which programs they run")
    shown = figures.programs[:RANKED]
    if not shown:
        return Section("programs", title, "", (_nothing(language),), narrow=True)
    longest = shown[0].open
    bars = tuple(
        Bar(
            program_name(language, line.software),
            "",
            language.number(line.open),
            "",
            (("relay", line.open / longest),),
        )
        for line in shown
    )
    note = language.say("As told by what each server says; it may say something untrue.")
    return Section("programs", title, note, (Bars((), bars),), narrow=True)


def countries(language: Language, figures: Figures) -> Section | None:
    """The map; nothing for places that the map does not have."""
    unit = unit_of(figures)
    known = [place for place in figures.places if place.country]
    svg = draw_map({place.country: _share(place) for place in known})
    if not svg:
        return None
    names = language.listed([country_name(language, place.country) for place in known[:_PLACES]])
    blocks: list[Block] = [Picture(svg, language.say("Map: %(places)s.", places=names))]
    if len(figures.places) > 1:
        head = (
            language.say("Country"),
            language.say("Open"),
            language.say("Addresses tested"),
            language.say("Open per %(unit)s", unit=language.number(unit)),
        )
        rows = tuple(_place(language, place, unit) for place in figures.places[:_PLACES])
        blocks.append(Table(language.say("Country by country"), head, rows))
    note = language.say("The darker, the more open servers per address tested.")
    return Section(
        "map",
        language.say("On the map"),
        note if len(known) > 1 else "",
        tuple(blocks),
        narrow=True,
    )


def table(language: Language, figures: Figures) -> Section:
    """Network by network, with rates and intervals."""
    unit = unit_of(figures)
    affected = figures.affected
    quiet = [line for line in figures.networks if not (line.open or line.suspected)]
    rows = [
        _row(language, network_name(language, line.name), network_number(line.asn), line, unit)
        for line in affected[:LISTED]
    ]
    if others := affected[LISTED:]:
        name = language.count("%(n)s other network", "%(n)s other networks", len(others))
        rows.append(_row(language, name, "", pooled(others, ""), unit, quiet=True))
    if quiet:
        name = language.count(
            "%(n)s network with nothing open or suspected",
            "%(n)s networks with nothing open or suspected",
            len(quiet),
        )
        rows.append(_row(language, name, "", pooled(quiet, ""), unit, quiet=True))
    head = (
        language.say("Network"),
        language.say("Open"),
        language.say("Relays"),
        language.say("Proxies"),
        language.say("Suspected"),
        language.say("Answering"),
        language.say("Addresses tested"),
        language.say("Open per %(unit)s", unit=language.number(unit)),
        language.say("95 %% interval"),
    )
    title = language.say("Network by network")
    note = language.say(
        "Servers are addresses. The rate is open servers per %(unit)s addresses tested, with its "
        "95 %% interval (Wilson).",
        unit=language.number(unit),
    )
    foot = _row(language, language.say("Your jurisdiction"), "", everything(figures), unit)
    return Section("networks", title, note, (Table(title, head, tuple(rows), foot, wide=True),))


def everything(figures: Figures) -> NetworkExposure:
    """The whole jurisdiction as one line of the table."""
    return NetworkExposure(
        asn=None,
        name="",
        open=figures.open,
        relays=figures.relays,
        proxies=figures.proxies,
        suspected=figures.suspected,
        answering=figures.answering,
        tested=figures.tested,
    )


def _row(
    language: Language,
    name: str,
    detail: str,
    line: NetworkExposure,
    unit: int,
    *,
    quiet: bool = False,
) -> Row:
    counts = (
        line.open,
        line.relays,
        line.proxies,
        line.suspected,
        line.answering,
        line.tested,
    )
    cells = (
        *map(language.number, counts),
        rate(language, line.open, line.tested, unit),
        interval(language, line, unit),
    )
    return Row(name, detail, cells, quiet)


def _place(language: Language, place: Place, unit: int) -> Row:
    return Row(
        country_name(language, place.country),
        "",
        (
            language.number(place.open),
            language.number(place.tested),
            rate(language, place.open, place.tested, unit),
        ),
    )


def _share(place: Place) -> float:
    return place.open / place.tested if place.tested else 0.0


def _nothing(language: Language) -> Paragraph:
    return Paragraph(language.say("Nothing to show: no open server was found."))
