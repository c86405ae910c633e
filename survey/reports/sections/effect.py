"""Whether the letters helped, as far as chance can tell: told at once beside told later."""

from babel import Locale

from survey.model.experiment import OPERATORS, Medium, Wording
from survey.reports.document import Block, Paragraph, Row, Section, Table
from survey.reports.figures import CLOSED_WITHIN, Arm, Effect, Figures, Trial
from survey.reports.languages import Language
from survey.reports.sections.names import NONE
from survey.storage.told import HELD_OUT_LABEL, TOLD_LABEL

MONTH = CLOSED_WITHIN.index(30)
"""Which of the days the arms are compared after."""


def effect(language: Language, figures: Figures) -> Section | None:
    """The answer, those told beside those held out, and letters beside one another."""
    if figures.effect is None:
        return None
    trials = {one.compared: one for one in figures.effect.trials}
    letter = trials.pop("letter", None)
    blocks: list[Block] = []
    if letter is not None:
        blocks += [Paragraph(answer(language, figures.effect, letter)), _told(language, letter)]
    if trials:
        blocks.append(_arms(language, tuple(trials.values())))
    note = [
        language.say(
            "Cases count as the lot put them, whatever became of their letter, and from the day of "
            "the lot on. A case is closed when the last of its servers is."
        )
    ]
    if letter is not None:
        note.insert(
            0,
            language.count(
                "Some operators, drawn by lot, got their letter %(n)s day later.",
                "Some operators, drawn by lot, got their letter up to %(n)s days later.",
                figures.effect.waits,
            ),
        )
        note.append(
            language.say(
                "After the wait both have had it; what remains is the difference between an early "
                "letter and a late one."
            )
        )
    title = language.say("Did the letters help?")
    return Section("effect", title, language.together(note), tuple(blocks))


def answer(language: Language, effect: Effect, letter: Trial) -> str:
    """What the letters did while the others waited, in one sentence."""
    arm = letter.arms[0]
    told = [
        (days, gain)
        for days, gain in zip(CLOSED_WITHIN, arm.gains, strict=True)
        if gain is not None and days <= effect.waits
    ]
    if not told:
        return language.say("Too little has been observed to say whether the letters helped.")
    days, (gain, low, high) = told[-1]
    values = {
        "days": language.number(days),
        "points": language.number(abs(_points(gain))),
        "interval": _interval(language, low, high),
    }
    if low > 0:
        text = language.say(
            "After %(days)s days, %(points)s more cases in a hundred were closed among those told "
            "at once than among those still waiting (95 %% interval: %(interval)s).",
            **values,
        )
    elif high < 0:
        text = language.say(
            "After %(days)s days, %(points)s fewer cases in a hundred were closed among those told "
            "at once than among those still waiting (95 %% interval: %(interval)s).",
            **values,
        )
    else:
        text = language.say(
            "After %(days)s days, no clear difference is seen between those told at once and those "
            "still waiting (95 %% interval of the difference, in cases in a hundred: "
            "%(interval)s).",
            days=values["days"],
            interval=values["interval"],
        )
    return text


def _told(language: Language, letter: Trial) -> Table:
    arm = letter.arms[0]
    return Table(
        language.say("Did the letters help?"),
        (
            language.say("Cases"),
            language.say("Drawn by lot"),
            language.say("Letters delivered"),
            language.say("Letters that came back"),
            language.say("Compared"),
            *(
                language.say("Cases closed within %(n)s days", n=language.number(days))
                for days in CLOSED_WITHIN
            ),
        ),
        tuple(
            Row(
                arm_name(language, "letter", one.name),
                "",
                (*_counts(language, one), *(_share(language, share) for share in one.shares)),
            )
            for one in letter.arms
        ),
        foot=Row(
            language.say("Difference, in cases in a hundred (95 %% interval)"),
            "",
            (*[""] * 4, *(_gain(language, gain) for gain in arm.gains)),
        ),
        wide=True,
    )


def _arms(language: Language, trials: tuple[Trial, ...]) -> Table:
    days = language.number(CLOSED_WITHIN[MONTH])
    return Table(
        language.say("Letters beside one another"),
        (
            language.say("Letters beside one another"),
            language.say("Drawn by lot"),
            language.say("Letters delivered"),
            language.say("Letters that came back"),
            language.say("Compared"),
            language.say("Cases closed within %(n)s days", n=days),
            language.say("Difference, in cases in a hundred (95 %% interval)"),
        ),
        tuple(
            Row(
                arm_name(language, trial.compared, one.name),
                "",
                (
                    *_counts(language, one),
                    _share(language, one.shares[MONTH]),
                    _gain(language, one.gains[MONTH]) if one.gains else NONE,
                ),
            )
            for trial in trials
            for one in trial.arms
        ),
        wide=True,
    )


def arm_name(language: Language, compared: str, name: str) -> str:
    """What a side is called."""
    names = {
        ("letter", TOLD_LABEL): language.say("Told at once"),
        ("letter", HELD_OUT_LABEL): language.say("Told later"),
        ("medium", Medium.TEXT.value): language.say("Mail alone"),
        ("medium", Medium.PDF.value): language.say("Mail with the letter attached"),
        ("wording", Wording.FINDINGS_FIRST.value): language.say("Findings first"),
        ("wording", Wording.STEPS_FIRST.value): language.say("Steps to close it first"),
        ("language", OPERATORS): language.say("In the operator’s language"),
    }
    if (compared, name) in names:
        return names[compared, name]
    return str(Locale.parse(name, sep="-").get_display_name(language.locale) or name)


def _counts(language: Language, arm: Arm) -> tuple[str, ...]:
    return tuple(
        language.number(count) for count in (arm.drawn, arm.delivered, arm.bounced, arm.cases)
    )


def _share(language: Language, share: float | None) -> str:
    return NONE if share is None else language.percent(share)


def _points(share: float) -> int:
    return round(100 * share)


def _interval(language: Language, low: float, high: float) -> str:
    return language.span(language.signed(_points(low)), language.signed(_points(high)))


def _gain(language: Language, gain: tuple[float, float, float] | None) -> str:
    if gain is None:
        return NONE
    between, low, high = gain
    said = f"{language.signed(_points(between))} ({_interval(language, low, high)})"
    return language.in_a_row(said)
