"""What we ask of the agency."""

from survey.model.site import closing_page
from survey.reports.document import Ask, Asks, Link, Section
from survey.reports.figures import Figures
from survey.reports.languages import Language


def asks(language: Language, figures: Figures) -> Section:
    """Three things, each of which the agency can do tomorrow."""
    if figures.open:
        listed = language.say(
            "The file %(file)s beside this report names every open server with address, port, time "
            "and proof. Give each network its own part; it knows the customer behind the address.",
            file=figures.hosts_file,
        )
    else:
        listed = language.say(
            "Nothing to pass on this time: the file %(file)s beside this report is empty.",
            file=figures.hosts_file,
        )
    steps = closing_page(figures.page)
    return Section(
        "asks",
        language.say("What we ask of you"),
        "",
        (
            Asks(
                (
                    Ask(language.say("Pass the list on"), listed, None),
                    Ask(
                        language.say("Ask that they be closed"),
                        language.say(
                            "Closing a relay or proxy is a change of a few lines and costs "
                            "nothing. Step-by-step instructions:"
                        ),
                        Link(steps, steps),
                    ),
                    Ask(
                        language.say("Tell us what you learn"),
                        language.say(
                            "A wrong finding, a network that is not yours, a better contact, a "
                            "server that was closed: we test again and correct the record. "
                            "Write to:"
                        ),
                        Link(figures.contact, f"mailto:{figures.contact}"),
                    ),
                )
            ),
        ),
    )
