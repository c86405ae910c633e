"""One agency's page as one HTML file: no request leaves it, whoever opens it (laws 8 and 9)."""

from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.resources import files

from babel import Locale
from babel.dates import format_date, format_interval
from babel.lists import format_list
from babel.numbers import format_decimal
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from survey.model.agency import Jurisdiction
from survey.model.exposure import NetworkExposure
from survey.model.hostile import show_text
from survey.model.site import closing_page
from survey.reports.figures import Figures, pooled
from survey.reports.interval import wilson

RANKED = 10
"""Bars in the chart."""
LISTED = 25
"""Networks with a row of their own in the table; the others share one."""

_UNITS = (1_000, 100_000, 1_000_000)
_NAME = 80
_LINE = 400
_NONE = "\N{EN DASH}"
_COUNTRIES = 3
_TLP = {
    "TLP:RED": ("tlp-red", "#ff2b2b"),
    "TLP:AMBER+STRICT": ("tlp-amber", "#ffc000"),
    "TLP:AMBER": ("tlp-amber", "#ffc000"),
    "TLP:GREEN": ("tlp-green", "#33ff00"),
    "TLP:CLEAR": ("tlp-clear", "#ffffff"),
}


def render_page(figures: Figures, language: str) -> str:
    """The whole page in one of ``languages.written()``.

    Names come from registries and are strangers' words: every value is escaped, hidden characters
    are made visible, and a policy in the page forbids the browser any request.
    """
    environment = _environment(Locale.parse(language, sep="-"), _unit(figures))
    affected = figures.affected
    ranked = [line for line in affected if line.open][:RANKED]
    style, colour = _TLP[figures.agency.tlp]
    return environment.get_template(
        "page/report.html"
    ).render(
        f=figures,
        language=language,
        css=_css(),
        margin_mark=Markup(  # noqa: S704 - the mark is one of our five, checked where it is read
            f'content: "{figures.agency.tlp}"; background: #000; color: {colour}; '
            "font: 700 12pt/1 sans-serif; width: max-content; height: max-content; "
            "padding: 1.5mm 2.5mm; margin: auto 0; "
            "-webkit-print-color-adjust: exact; print-color-adjust: exact;"
        ),
        tlp_class=style,
        countries=_countries(figures.agency.jurisdiction, Locale.parse(language, sep="-")),
        steps=closing_page(figures.page),
        unit=_unit(figures),
        everything=_everything(figures),
        ranked=ranked,
        ranked_of=figures.holding,
        longest=max((line.open + line.suspected for line in figures.probes), default=0),
        listed=affected[:LISTED],
        others=affected[LISTED:],
        quiet=[line for line in figures.networks if not (line.open or line.suspected)],
    )


def _environment(locale: Locale, unit: int) -> Environment:
    environment = Environment(
        loader=PackageLoader("survey.reports", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )

    def rate(value: float) -> str:
        return format_decimal(value * unit, "#,##0.00", locale=locale)

    def low(line: NetworkExposure) -> str:
        return rate(wilson(line.open, line.tested)[0]) if line.tested else _NONE

    def high(line: NetworkExposure) -> str:
        return rate(wilson(line.open, line.tested)[1]) if line.tested else _NONE

    def pool(lines: Sequence[NetworkExposure]) -> NetworkExposure:
        return pooled(lines, "")

    environment.filters |= {
        "number": lambda value: format_decimal(value, locale=locale),
        "days": lambda first, last: format_interval(
            _utc(first).date(), _utc(last).date(), "yMMMMd", locale=locale
        ),
        "moment": lambda moment: (
            f"{format_date(_utc(moment), 'long', locale=locale)}, {_utc(moment):%H:%M} UTC"
        ),
        "shown": lambda text: show_text(text, _NAME),
        "whole": lambda text: show_text(text, _LINE),
        "share": lambda part, whole: f"{part / whole:.4f}" if whole else "0",
        "rate": lambda line: rate(line.open / line.tested) if line.tested else _NONE,
        "low": low,
        "high": high,
        "pooled": pool,
        "listed": lambda names: format_list(names, locale=locale) if names else "",
    }
    return environment


def _css() -> Markup:
    return Markup((files(__package__) / "page" / "report.css").read_text(encoding="utf-8"))  # noqa: S704 - ours


def _everything(figures: Figures) -> NetworkExposure:
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


def _unit(figures: Figures) -> int:
    """Addresses that a rate is given per, so that the whole jurisdiction's is at least about 1."""
    for unit in _UNITS:
        if figures.open * unit >= figures.tested:
            return unit
    return _UNITS[-1] if figures.open else _UNITS[0]


def _countries(jurisdiction: Jurisdiction, locale: Locale) -> list[tuple[str, str]]:
    """Codes and names of its countries, if they are all it has and few; else nothing."""
    plain = not (jurisdiction.networks or jurisdiction.ranges or jurisdiction.excluded)
    if not plain or len(jurisdiction.countries) > _COUNTRIES:
        return []
    return [(code, locale.territories.get(code, code)) for code in sorted(jurisdiction.countries)]


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)
