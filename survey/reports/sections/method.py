"""How it was measured: tests, coverage, the ladder, limits, sources."""

from survey.model.hostile import show_text
from survey.model.miss_rate import MissRate
from survey.reports.document import (
    Bullets,
    Fact,
    Facts,
    Paragraph,
    Part,
    Row,
    Section,
    Table,
)
from survey.reports.figures import Figures, Source
from survey.reports.languages import Language
from survey.reports.sections.names import NONE, probe_name

_LINE = 400


def method(language: Language, figures: Figures) -> Section:
    """Everything that a reader needs to judge the figures, or to measure again."""
    return Section(
        "method",
        language.say("How this was measured"),
        "",
        (),
        (
            _tests(language, figures),
            _coverage(language, figures),
            _ladder(language, figures),
            _limits(language),
            _sources(language, figures),
            _run(language, figures),
        ),
    )


def _tests(language: Language, figures: Figures) -> Part:
    head = (language.say("Test"), language.say("Ports"), language.say("Spoke with"))
    rows = tuple(
        Row(
            probe_name(language, line.probe),
            "",
            (language.in_a_row(", ".join(map(str, line.ports))), language.number(line.answering)),
        )
        for line in figures.probes
    )
    title = language.say("What was tested")
    text = language.say(
        "Every allowed address on the ports below, once in this run, in random order, without "
        "credentials. The only far end of any test was our own server."
    )
    return Part(title, (Paragraph(text), Table(title, head, rows)))


def _coverage(language: Language, figures: Figures) -> Part:
    done = figures.coverage
    title = language.say("Coverage of the run")
    text = language.say("Pairs of address and port, in the whole run and all jurisdictions.")
    if done.excluded_addresses:
        more = language.say(
            "Addresses left out already when the run was planned: %(n)s.",
            n=language.number(done.excluded_addresses),
        )
        text = language.together((text, more))
    rows = (
        (language.say("Planned"), done.planned),
        (language.say("Tested"), done.sent),
        (language.say("Excluded"), done.excluded),
        (language.say("Left out at the holder’s wish"), done.opted_out),
        (language.say("Accepted the connection"), done.accepted),
        (language.say("Refused it"), done.refused),
        (language.say("Did not answer"), done.silent),
        (language.say("Unreachable"), done.unreachable),
    )
    head = (language.say("Pairs"), language.say("Number"))
    table = Table(
        title, head, tuple(Row(name, "", (language.number(count),)) for name, count in rows)
    )
    return Part(title, (Paragraph(text), table, Paragraph(_missed(language, done.again))))


def _missed(language: Language, again: MissRate) -> str:
    """How many open ports one look misses, and what that rests on."""
    if not again.rechecked:
        return language.say(
            "Nothing was dialled a second time, so it is not known how many open ports one look "
            "misses."
        )
    asked = language.say(
        "Dialled a second time, to tell what one look misses: %(rechecked)s pairs. Open then: "
        "%(reopened)s. Of those, not open at first: %(missed)s.",
        rechecked=language.number(again.rechecked),
        reopened=language.number(again.reopened),
        missed=language.number(again.missed),
    )
    if again.share is None:
        more = language.say("That is too little to say how many open ports one look misses.")
        return language.together((asked, more))
    share = language.say(
        "So one look misses about %(share)s of the open ports (95 %% interval: %(interval)s). That "
        "tells of losses on the way, not of networks that hide from us.",
        share=language.percent(again.share, 1),
        interval=language.span(language.percent(again.low, 1), language.percent(again.high, 1)),
    )
    return language.together((asked, share))


def _ladder(language: Language, figures: Figures) -> Part:
    title = language.say("What counts as open")
    text = language.say(
        "Every test climbs a ladder; the highest rung reached decides. Only R5 and above are "
        "called open. Counted per server, port and test, in your jurisdiction."
    )
    meanings = (
        language.say("unreachable, refused or silent (silence is counted in the coverage)"),
        language.say("the port is open, but it does not speak this protocol"),
        language.say("speaks the protocol; here a refusal means closed"),
        language.say("accepted a stranger’s wish: suspected"),
        language.say("took our data, but nothing arrived: suspected"),
        language.say("confirmed, our own server received it: open"),
        language.say("confirmed, and able to send mail"),
        language.say("confirmed again by a second test; only now may a letter be sent"),
    )
    rows = tuple(
        Row(f"R{rung}", "", (meaning, language.number(count) if rung else NONE))
        for rung, (meaning, count) in enumerate(zip(meanings, figures.rungs, strict=True))
    )
    head = (language.say("Rung"), language.say("Meaning"), language.say("Number"))
    return Part(title, (Paragraph(text), Table(title, head, rows, prose=(1,))))


def _limits(language: Language) -> Part:
    return Part(
        language.say("What these figures do not say"),
        (
            Bullets(
                (
                    language.say(
                        "They are a lower bound. Who blocks our addresses looks closed, and we "
                        "test from few places."
                    ),
                    language.say(
                        "They are a moment. Addresses change hands and servers change; every row "
                        "of the list has its time."
                    ),
                    language.say("Silence proves nothing. Only a refusal counts as closed."),
                    language.say(
                        "The intervals cover chance only, for networks of this size; not what the "
                        "tests cannot see."
                    ),
                    language.say(
                        "An open server is rarely meant to be one. Its operator is the person to "
                        "help."
                    ),
                )
            ),
        ),
    )


def _sources(language: Language, figures: Figures) -> Part:
    title = language.say("Where country, network and holder come from")
    if not figures.sources:
        return Part(title, (Paragraph(language.say("No registry was used.")),))
    facts = tuple(
        Fact(
            _kind(language, source),
            " · ".join(
                show_text(part, _LINE)
                for part in (source.snapshot, source.origin, source.attribution)
                if part
            ),
        )
        for source in figures.sources
    )
    return Part(title, (Facts(facts),))


def _kind(language: Language, source: Source) -> str:
    known = {
        "country": language.say("Country"),
        "network": language.say("Network"),
        "registration": language.say("Registration"),
        "organisation": language.say("Organisation"),
        "contact": language.say("Contact"),
        "listing": language.say("Public listings"),
    }
    return known.get(source.kind, source.kind)


def _run(language: Language, figures: Figures) -> Part:
    done = figures.coverage
    facts = [
        Fact(language.say("Run by"), figures.operator),
        Fact(language.say("Campaign and run"), f"{figures.campaign} · {figures.run}"),
        Fact(
            language.say("Parts done"),
            language.say(
                "%(done)s of %(all)s",
                done=language.number(done.committed),
                all=language.number(done.shards),
            ),
        ),
    ]
    if done.started_at and done.finished_at:
        facts += [
            Fact(language.say("Began"), language.moment(done.started_at)),
            Fact(language.say("Ended"), language.moment(done.finished_at)),
        ]
    facts += [
        Fact(language.say("Plan (SHA-256)"), figures.plan_hash),
        Fact(language.say("Program"), f"survey {figures.version}"),
    ]
    return Part(language.say("This run"), (Facts(tuple(facts)),))
