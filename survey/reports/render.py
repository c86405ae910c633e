"""A document as one HTML file: no request leaves it, whoever opens it (laws 8 and 9)."""

from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from survey.reports.document import Document, Section

_TLP = {
    "TLP:RED": ("tlp-red", "#ff2b2b"),
    "TLP:AMBER+STRICT": ("tlp-amber", "#ffc000"),
    "TLP:AMBER": ("tlp-amber", "#ffc000"),
    "TLP:GREEN": ("tlp-green", "#33ff00"),
    "TLP:CLEAR": ("tlp-clear", "#ffffff"),
}


def render_page(document: Document) -> str:
    """The whole page.

    Every text is escaped, and a policy in the page forbids the browser any request.
    """
    style, colour = _TLP[document.marking]
    return (
        _environment()
        .get_template("page/report.html")
        .render(
            d=document,
            rows=_paired(document.sections),
            css=_css(),
            margin_mark=Markup(  # noqa: S704 - the mark is one of our five, checked where it is read
                f'content: "{document.marking}"; background: #000; color: {colour}; '
                "font: 700 12pt/1 sans-serif; width: max-content; height: max-content; "
                "padding: 1.5mm 2.5mm; margin: auto 0; "
                "-webkit-print-color-adjust: exact; print-color-adjust: exact;"
            ),
            tlp_class=style,
        )
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("survey.reports", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "drawing": Markup,  # charts.py and map.py escape their texts
        "share": lambda part: f"{part:.4f}",
        "kind": lambda block: type(block).__name__,
    }
    return environment


@cache
def _css() -> Markup:
    return Markup((files(__package__) / "page" / "report.css").read_text(encoding="utf-8"))  # noqa: S704 - ours


def _paired(sections: tuple[Section, ...]) -> list[tuple[Section, ...]]:
    """Sections as they stand: two narrow ones that follow one another share a row."""
    rows: list[tuple[Section, ...]] = []
    for section in sections:
        if section.narrow and rows and len(rows[-1]) == 1 and rows[-1][0].narrow:
            rows[-1] = (rows[-1][0], section)
        else:
            rows.append((section,))
    return rows
