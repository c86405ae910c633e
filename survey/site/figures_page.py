"""The public figures in one language: sentences, lines and rows."""

from dataclasses import dataclass
from typing import TypeVar

from markupsafe import Markup

from survey.site.charts import long_line, small_line
from survey.site.figures import Country, PublicFigures
from survey.wording.language import Language

_CARDS = 15
"""Countries with a line of their own; a page stays light."""
_POINTS = 30

_Any = TypeVar("_Any")


@dataclass(frozen=True, slots=True)
class Card:
    """One country's line."""

    name: str
    open: str
    chart: Markup
    change: str


@dataclass(frozen=True, slots=True)
class Row:
    """One country's row."""

    name: str
    open: str
    answering: str
    rate: str
    between: str


@dataclass(frozen=True, slots=True)
class FiguresPage:
    """What the page shows; every text is finished."""

    lede: str
    alt: str
    chart: Markup
    cards: tuple[Card, ...]
    rows: tuple[Row, ...]
    hidden: str
    columns: tuple[tuple[str, str], ...]
    sources: tuple[str, ...]


def figures_page(language: Language, figures: PublicFigures) -> FiguresPage:
    """The figures in words of a language."""
    return FiguresPage(
        lede=_lede(language, figures),
        alt=_alt(language, figures),
        chart=_drawing(long_line(language, figures.moments, figures.total)),
        cards=tuple(_card(language, figures, one) for one in figures.countries[:_CARDS]),
        rows=tuple(_row(language, one) for one in figures.countries),
        hidden=language.listed([language.country(code) for code in figures.hidden]),
        columns=figures.columns,
        sources=figures.sources,
    )


def _lede(language: Language, figures: PublicFigures) -> str:
    newest = figures.total[-1]
    day = language.day(figures.moments[-1])
    if newest is None:
        return language.say(
            "In the survey of %(day)s fewer servers were open than we publish.", day=day
        )
    return language.count(
        "In the survey of %(day)s, %(n)s server was open to strangers.",
        "In the survey of %(day)s, %(n)s servers were open to strangers.",
        newest,
        day=day,
    )


def _alt(language: Language, figures: PublicFigures) -> str:
    known = [
        (moment, count)
        for moment, count in zip(figures.moments, figures.total, strict=True)
        if count is not None
    ]
    if not known:
        return language.say("No number is large enough to be shown.")
    (first, before), (last, now) = known[0], known[-1]
    most = max(number for _, number in known)  # `count` inside say() would hide it from catalogues
    return language.say(
        "Line of open servers: %(before)s on %(first)s, %(now)s on %(last)s; most: %(most)s.",
        before=language.number(before),
        first=language.day(first),
        now=language.number(now),
        last=language.day(last),
        most=language.number(most),
    )


def _card(language: Language, figures: PublicFigures, country: Country) -> Card:
    known = [
        (moment, count)
        for moment, count in zip(figures.moments, country.open, strict=True)
        if count is not None
    ]
    (first, before), (_, now) = known[0], known[-1]
    return Card(
        name=language.country(country.code),
        open=language.number(now),
        chart=_drawing(small_line(_thin(figures.moments), _thin(country.open))),
        change=language.say(
            "%(change)s since %(day)s",
            change=language.signed(now - before),
            day=language.day(first),
        ),
    )


def _thin(line: tuple[_Any, ...]) -> tuple[_Any, ...]:
    """Every second of many, the newest among them: small lines show no more."""
    return line if len(line) <= _POINTS else line[::-2][::-1]


def _row(language: Language, country: Country) -> Row:
    rates = [country.rate, country.low, country.high]
    told = [language.number(round(rate)) if rate is not None else "" for rate in rates]
    return Row(
        name=language.country(country.code),
        open=language.number(country.open[-1] or 0),
        answering="" if country.answering is None else language.number(country.answering),
        rate=told[0],
        between=language.span(told[1], told[2]) if told[1] and told[2] else "",
    )


def _drawing(svg: str) -> Markup:
    return Markup(svg)  # noqa: S704 - drawing/axes.py escapes its texts
