"""What has changed: the last twelve months, what became of exposures, whose networks moved."""

from collections.abc import Sequence

from survey.reports.charts import trend_chart
from survey.reports.document import Block, Key, Paragraph, Part, Picture, Row, Section, Table
from survey.reports.figures import Figures, Flow, Movement
from survey.reports.languages import Language
from survey.reports.sections.names import network_name, network_number

MOVED = 5
"""Networks named on each side."""


def trend(language: Language, figures: Figures) -> Section:
    """The line of the last twelve months."""
    blocks: tuple[Block, ...]
    if len(figures.trend) < 2:  # noqa: PLR2004 - a line has two ends
        blocks = (Paragraph(language.say("This is the first run; the line begins with the next.")),)
    else:
        first, last = figures.trend[0], figures.trend[-1]
        alt = language.say(
            "Line of open servers per run: %(first)s on %(from)s, %(last)s on %(to)s; "
            "most: %(most)s.",
            **{
                "first": language.number(first.open),
                "from": language.day(first.at),
                "last": language.number(last.open),
                "to": language.day(last.at),
                "most": language.number(max(one.open for one in figures.trend)),
            },
        )
        legend = (
            Key("all", language.say("open servers")),
            Key("relay", language.say("open mail relays")),
            Key("proxy", language.say("open proxies")),
        )
        blocks = (Picture(trend_chart(language, figures.trend), alt, legend),)
    return Section(
        "trend",
        language.say("The last twelve months"),
        language.say("Open servers found in each run."),
        blocks,
    )


def became(language: Language, figures: Figures) -> Section:
    """New, persistent, fixed, regressed, lost: and that they add up."""
    title = language.say("What became of them")
    if figures.flow is None:
        text = language.say("There is no earlier run to compare with.")
        return Section("became", title, "", (Paragraph(text),))
    note = language.say(
        "Counted are exposures: one server, port and kind, from its proof to its closure. One is "
        "closed only after refusals on two days; silence closes nothing."
    )
    return Section("became", title, note, (_flow(language, figures.flow),))


def _flow(language: Language, flow: Flow) -> Table:
    def row(name: str, detail: str, count: str) -> Row:
        return Row(name, detail, (count,))

    rows = (
        row(language.say("Open the last time"), "", language.number(flow.before)),
        row(
            language.say("New"),
            language.say("proven for the first time"),
            _plus(language, flow.new),
        ),
        row(
            language.say("Open again"),
            language.say("a closure did not last 90 days"),
            _plus(language, flow.regressed),
        ),
        row(
            language.say("Closed"),
            language.say("refused on two different days"),
            _minus(language, flow.fixed),
        ),
        row(
            language.say("Lost from sight"),
            language.say("not seen for a long time, so nobody knows"),
            _minus(language, flow.lost),
        ),
    )
    foot = Row(
        language.say("Open now"),
        language.say(
            "of these open already the last time: %(n)s", n=language.number(flow.persistent)
        ),
        (language.number(flow.now),),
    )
    head = (language.say("Exposures"), language.say("Number"))
    return Table(language.say("What became of them"), head, rows, foot)


def movements(language: Language, figures: Figures) -> Section | None:
    """Whose networks got better, and whose worse; nothing without a run to compare with."""
    if figures.compared is None:
        return None
    parts = (
        Part(language.say("Better"), (_moved(language, figures.better, language.say("Better")),)),
        Part(language.say("Worse"), (_moved(language, figures.worse, language.say("Worse")),)),
    )
    return Section(
        "movements",
        language.say("Networks that got better or worse"),
        language.say(
            "Open servers now and the last time. A network that hands out addresses anew may rise "
            "or fall without anybody’s doing."
        ),
        (),
        parts,
    )


def _moved(language: Language, lines: Sequence[Movement], label: str) -> Block:
    if not lines:
        return Paragraph(language.say("None."))
    return Table(
        label,
        (
            language.say("Network"),
            language.say("Last time"),
            language.say("Now"),
            language.say("Change"),
        ),
        tuple(
            Row(
                network_name(language, line.name),
                network_number(line.asn),
                (
                    language.number(line.before),
                    language.number(line.now),
                    language.signed(line.change),
                ),
            )
            for line in lines[:MOVED]
        ),
    )


def _plus(language: Language, count: int) -> str:
    return language.signed(count)


def _minus(language: Language, count: int) -> str:
    return language.signed(-count)
