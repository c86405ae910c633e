"""The front: what must be known if nothing else is read."""

from survey.reports.document import KeyFigure
from survey.reports.figures import Figures
from survey.reports.languages import Language
from survey.reports.sections.names import place_name, rate, unit_of


def headline(language: Language, figures: Figures) -> str:
    """The one sentence to remember."""
    place = place_name(language, figures.agency.jurisdiction)
    if not figures.tested:
        return language.say("%(place)s: nothing was tested", place=place)
    if not figures.open:
        return language.say("%(place)s: no open server was found", place=place)
    return language.count(
        "%(place)s: %(n)s server is open to strangers",
        "%(place)s: %(n)s servers are open to strangers",
        figures.open,
        place=place,
    )


def lede(language: Language, figures: Figures) -> str:
    """What was tested, what was found, how that is known."""
    if not figures.tested:
        return language.say(
            "The plan of this run holds no address of your jurisdiction. So it says nothing about "
            "it, neither good nor bad."
        )
    sentences = [
        language.count(
            "%(n)s address in your jurisdiction was tested.",
            "%(n)s addresses in your jurisdiction were tested.",
            figures.tested,
        )
    ]
    if not figures.open:
        sentences.append(language.say("None of them passed on a stranger’s message or connection."))
        return language.together(sentences)
    sentences += [
        language.count(
            "%(n)s of them passes on mail or traffic for anyone on the internet.",
            "%(n)s of them pass on mail or traffic for anyone on the internet.",
            figures.open,
        ),
        language.say("Each case is proven: what we handed over arrived at our own server."),
    ]
    if figures.half and figures.half * 2 <= figures.holding:
        sentences.append(
            language.say(
                "Networks with open servers: %(all)s; at least half of the servers are in "
                "%(few)s of them.",
                all=language.number(figures.holding),
                few=language.number(figures.half),
            )
        )
    return language.together(sentences)


def warning(language: Language, figures: Figures) -> str:
    """What must be known before any figure is read, or nothing."""
    if figures.coverage.committed == figures.coverage.shards:
        return ""
    return language.say(
        "This run is not finished: %(done)s of %(all)s parts are done. The figures will grow.",
        done=language.number(figures.coverage.committed),
        all=language.number(figures.coverage.shards),
    )


def key_figures(language: Language, figures: Figures) -> tuple[KeyFigure, ...]:
    """The large numbers, and how each changed."""
    then = figures.compared
    unit = unit_of(figures)
    per = language.say(
        "%(rate)s per %(unit)s addresses tested",
        rate=rate(language, figures.open, figures.tested, unit),
        unit=language.number(unit),
    )
    both = language.say("a server can be both, relay and proxy")
    return (
        KeyFigure(
            language.number(figures.open),
            language.say("open servers"),
            _changed(language, then.open if then else None, figures.open) or per,
        ),
        KeyFigure(
            language.number(figures.relays),
            language.say("open mail relays"),
            _changed(language, then.relays if then else None, figures.relays)
            or language.say("they send a stranger’s mail"),
        ),
        KeyFigure(
            language.number(figures.proxies),
            language.say("open proxies"),
            _changed(language, then.proxies if then else None, figures.proxies) or both,
        ),
        KeyFigure(
            language.number(figures.suspected),
            language.say("suspected servers"),
            language.say("not proven, not counted as open"),
        ),
    )


def _changed(language: Language, before: int | None, now: int) -> str:
    if before is None:
        return ""
    if before == now:
        return language.say("as many as the last time")
    return language.say(
        "%(change)s against the last time (%(before)s)",
        change=language.signed(now - before),
        before=language.number(before),
    )
