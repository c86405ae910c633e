"""The public summary: one page in plain words, no network, no port, no small number."""

from datetime import UTC

from survey.reports.charts import trend_chart
from survey.reports.compose import made, marking_meaning
from survey.reports.document import Document, Fact, Facts, Key, KeyFigure, Link, Picture, Section
from survey.reports.figures import CLOSED_WITHIN, Figures
from survey.reports.languages import Language
from survey.reports.sections import front
from survey.reports.sections.effect import MONTH
from survey.reports.sections.names import period_name, place_name

SMALL = 5
"""Counts below it, but for 0, could point at somebody and are not published."""

MARKING = "TLP:CLEAR"


def compose_summary(language: Language, figures: Figures) -> Document:
    """What the agency may publish.

    A small number is not shown, nor any that would tell it: where one part of a whole is small, no
    part is shown.
    """
    place = place_name(language, figures.agency.jurisdiction)
    sections = (
        _trend(language, figures),
        _became(language, figures),
        _helped(language, figures),
    )
    return Document(
        language=language.tag,
        right_to_left=language.right_to_left,
        skip=language.say("Skip to the report"),
        title=" · ".join((MARKING, language.say("Public summary"), place, str(figures.period))),
        marking=MARKING,
        marking_meaning=marking_meaning(language, MARKING),
        operation=language.say("Operation Secure Your Server"),
        eyebrow=f"{language.say('Public summary')} · {period_name(language, figures.period)}",
        headline=_headline(language, figures, place),
        lede=_lede(language, figures),
        prepared=(language.say("Published by"), figures.agency.name),
        warning=front.warning(language, figures),
        key_label=language.say("Key figures"),
        key=_key(language, figures),
        sections=(*(section for section in sections if section), _more(language)),
        closing=(
            marking_meaning(language, MARKING),
            language.say("Numbers below %(n)s are not published.", n=language.number(SMALL)),
            made(language, figures),
        ),
        about=Link(language.say("About the operation:"), figures.page),
        author=figures.operator,
        day=figures.generated_at.astimezone(UTC).date().isoformat(),
    )


def public(*counts: int) -> bool:
    """Whether numbers that make up a whole may be shown: none of them is small, or none is."""
    return not any(0 < count < SMALL for count in counts)


def _headline(language: Language, figures: Figures, place: str) -> str:
    if public(figures.open) or not figures.tested:
        return front.headline(language, figures)
    return language.say(
        "%(place)s: fewer than %(n)s servers are open to strangers",
        place=place,
        n=language.number(SMALL),
    )


def _lede(language: Language, figures: Figures) -> str:
    sentences = [
        language.say(
            "An open mail relay sends anybody’s mail, an open proxy carries anybody’s connections. "
            "Criminals use both to hide. Hardly any is open on purpose, and closing one costs "
            "nothing."
        ),
        language.count("%(n)s address was tested.", "%(n)s addresses were tested.", figures.tested),
    ]
    return language.together(sentences)


def _key(language: Language, figures: Figures) -> tuple[KeyFigure, ...]:
    if not public(figures.open, figures.relays, figures.proxies):
        if not public(figures.open):
            return ()
        return (KeyFigure(language.number(figures.open), language.say("open servers"), ""),)
    then = figures.compared
    comparable = then is not None and public(then.open)
    change = language.signed(figures.open - then.open) if then and comparable else ""
    note = language.say("%(change)s against the last time", change=change) if change else ""
    return (
        KeyFigure(language.number(figures.open), language.say("open servers"), note),
        KeyFigure(
            language.number(figures.relays),
            language.say("open mail relays"),
            language.say("they send a stranger’s mail"),
        ),
        KeyFigure(
            language.number(figures.proxies),
            language.say("open proxies"),
            language.say("they carry a stranger’s connections"),
        ),
    )


def _trend(language: Language, figures: Figures) -> Section | None:
    """The line of the last twelve months, if every point of it may be shown."""
    shown = figures.trend
    if len(shown) < 2 or not all(  # noqa: PLR2004 - a line has two ends
        public(one.open, one.relays, one.proxies) for one in shown
    ):
        return None
    first, last = shown[0], shown[-1]
    alt = language.say(
        "Line of open servers per run: %(first)s on %(from)s, %(last)s on %(to)s; most: %(most)s.",
        **{
            "first": language.number(first.open),
            "from": language.day(first.at),
            "last": language.number(last.open),
            "to": language.day(last.at),
            "most": language.number(max(one.open for one in shown)),
        },
    )
    keys = (
        Key("all", language.say("open servers")),
        Key("relay", language.say("open mail relays")),
        Key("proxy", language.say("open proxies")),
    )
    picture = Picture(trend_chart(language, shown), alt, keys)
    return Section(
        "trend",
        language.say("The last twelve months"),
        language.say("Open servers found in each run."),
        (picture,),
    )


def _became(language: Language, figures: Figures) -> Section | None:
    """What was closed and what was added, if no part of the balance is small."""
    flow = figures.flow
    if flow is None or not public(
        flow.before, flow.new, flow.regressed, flow.fixed, flow.lost, flow.now
    ):
        return None
    facts = (
        Fact(language.say("New"), language.number(flow.new)),
        Fact(language.say("Open again"), language.number(flow.regressed)),
        Fact(language.say("Closed"), language.number(flow.fixed)),
        Fact(language.say("Open now"), language.number(flow.now)),
    )
    return Section("became", language.say("Since the last time"), "", (Facts(facts),))


def _helped(language: Language, figures: Figures) -> Section | None:
    """Whether letters helped, after 30 days, if no side has few that closed or few that did not."""
    trials = figures.effect.trials if figures.effect else ()
    letters = [one for one in trials if one.compared == "letter"]
    if not letters:
        return None
    told, later = letters[0].arms
    share, other = told.shares[MONTH], later.shares[MONTH]
    if share is None or other is None:
        return None
    closed = [(round(part * arm.cases), arm.cases) for part, arm in ((share, told), (other, later))]
    if not all(SMALL <= count <= cases - SMALL for count, cases in closed):
        return None
    facts = (
        Fact(language.say("Told at once"), language.percent(share)),
        Fact(language.say("Told later"), language.percent(other)),
    )
    note = language.say(
        "Operators of open servers were written to; by lot, some of them a little later. Shares of "
        "cases closed within %(n)s days:",
        n=language.number(CLOSED_WITHIN[MONTH]),
    )
    return Section("effect", language.say("Did the letters help?"), note, (Facts(facts),))


def _more(language: Language) -> Section:
    return Section(
        "operators",
        language.say("Do you run a server?"),
        language.say(
            "The page below tells in steps how to close an open relay or proxy, and how to have "
            "your server tested."
        ),
        (),
    )
