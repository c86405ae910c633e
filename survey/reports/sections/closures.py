"""How long it takes until a server is closed, with a letter and without."""

from survey.reports.charts import closure_chart
from survey.reports.document import Block, Key, Paragraph, Picture, Row, Section, Table
from survey.reports.figures import CLOSED_WITHIN, Closure, Figures
from survey.reports.languages import Language
from survey.reports.sections.names import NONE


def closures(language: Language, figures: Figures) -> Section:
    """Median, interval and shares of each group, and their curves."""
    title = language.say("How long until they are closed")
    if not figures.closures:
        text = language.say("Too little has been observed to say how long closing takes.")
        return Section("closures", title, "", (Paragraph(text),))
    told = any(one.told for one in figures.closures)
    note = language.together(
        (
            language.say("Estimated over all exposures, those still open too (Kaplan-Meier)."),
            language.say("Two numbers of days are given where closing lies between two checks."),
            language.say(
                "Told are those whose operators were sent a letter; not told are those that were "
                "drawn by lot to wait. Their days count from that day; in the first row, from the "
                "proof."
            )
            if told
            else language.say("No letter to an operator has been recorded yet."),
        )
    )
    blocks: list[Block] = [_table(language, figures.closures)]
    drawn = [one for one in figures.closures if one.told is not None and len(one.curve) > 1]
    if drawn:
        blocks.append(_picture(language, drawn))
    return Section("closures", title, note, tuple(blocks))


def group(language: Language, told: bool | None) -> str:  # noqa: FBT001 - three-valued
    """What a group is called."""
    if told is None:
        return language.say("All")
    return language.say("Operators told") if told else language.say("Not told")


def _table(language: Language, lines: tuple[Closure, ...]) -> Table:
    return Table(
        language.say("How long until they are closed"),
        (
            language.say("Exposures"),
            language.say("Number"),
            language.say("Closed"),
            language.say("Days until half are closed"),
            *(
                language.say("Closed within %(n)s days", n=language.number(days))
                for days in CLOSED_WITHIN
            ),
            language.say("95 %% interval at 30 days"),
        ),
        tuple(
            Row(
                group(language, line.told),
                "",
                (
                    language.number(line.exposures),
                    language.number(line.closed),
                    _between(language, line),
                    *(NONE if share is None else language.percent(share) for share in line.shares),
                    _month(language, line),
                ),
            )
            for line in lines
        ),
        wide=True,
    )


def _picture(language: Language, lines: list[Closure]) -> Picture:
    said = "; ".join(
        language.say(
            "%(group)s: %(share)s still open at the end of the line",
            group=group(language, line.told),
            share=language.percent(line.curve[-1][1]),
        )
        for line in lines
    )
    keys = tuple(
        Key("told" if line.told else "untold", group(language, line.told)) for line in lines
    )
    return Picture(
        closure_chart(language, lines),
        language.say("Share still open by days: %(said)s.", said=said),
        keys,
    )


def _between(language: Language, line: Closure) -> str:
    """Nobody saw the moment of closing, only the checks before and after it."""
    if line.median is None:
        return NONE
    least = line.median if line.median_least is None else line.median_least
    ends = [language.decimal(days, 1) for days in (least, line.median)]
    return ends[0] if ends[0] == ends[1] else language.span(*ends)


def _month(language: Language, line: Closure) -> str:
    if line.month is None:
        return NONE
    low, high = line.month
    return language.span(language.percent(low), language.percent(high))
