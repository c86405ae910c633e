"""The whole report of one agency, put into the words of one language."""

from datetime import UTC

from survey.reports.document import Document, Link, Section
from survey.reports.figures import Figures
from survey.reports.languages import Language
from survey.reports.sections import changes, front, where
from survey.reports.sections.asks import asks
from survey.reports.sections.closures import closures
from survey.reports.sections.effect import effect
from survey.reports.sections.method import method
from survey.reports.sections.names import period_name, place_name


def compose(language: Language, figures: Figures) -> Document:
    """Everything that page and PDF show, in order."""
    place = place_name(language, figures.agency.jurisdiction)
    period = period_name(language, figures.period)
    sections: tuple[Section | None, ...] = (
        changes.trend(language, figures),
        where.networks(language, figures),
        where.probes(language, figures),
        changes.became(language, figures),
        changes.movements(language, figures),
        closures(language, figures),
        effect(language, figures),
        where.countries(language, figures),
        where.programs(language, figures),
        asks(language, figures),
        where.table(language, figures),
        method(language, figures),
    )
    return Document(
        language=language.tag,
        right_to_left=language.right_to_left,
        skip=language.say("Skip to the report"),
        title=" · ".join(
            (figures.agency.tlp, language.say("Exposure report"), place, str(figures.period))
        ),
        marking=figures.agency.tlp,
        marking_meaning=marking_meaning(language, figures.agency.tlp),
        operation=language.say("Operation Secure Your Server"),
        eyebrow=f"{language.say('Exposure report')} · {period}",
        headline=front.headline(language, figures),
        lede=front.lede(language, figures),
        prepared=(language.say("Prepared for"), figures.agency.name),
        warning=front.warning(language, figures),
        key_label=language.say("Key figures"),
        key=front.key_figures(language, figures),
        sections=tuple(section for section in sections if section),
        closing=(
            marking_meaning(language, figures.agency.tlp),
            language.say("This report holds your jurisdiction only."),
            made(language, figures),
        ),
        about=Link(language.say("About the operation:"), figures.page),
        author=figures.operator,
        day=figures.generated_at.astimezone(UTC).date().isoformat(),
    )


def made(language: Language, figures: Figures) -> str:
    """By whom, and when."""
    return language.say(
        "Made by %(operator)s on %(moment)s.",
        operator=figures.operator,
        moment=language.moment(figures.generated_at),
    )


def marking_meaning(language: Language, marking: str) -> str:
    """What the reader may do with it (TLP 2.0)."""
    match marking:
        case "TLP:RED":
            return language.say("For the named recipients only. Do not pass it on.")
        case "TLP:AMBER+STRICT":
            return language.say(
                "Share it inside your organisation only, with those who need to know."
            )
        case "TLP:AMBER":
            return language.say(
                "Share it inside your organisation and with those you answer for, as far as each "
                "needs to know."
            )
        case "TLP:GREEN":
            return language.say("Share it within your community, not in public channels.")
        case _:
            return language.say("May be shared without limits.")
