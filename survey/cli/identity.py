"""``survey identity``: make what says who we are, and check that it is served."""

from pathlib import Path

import click

from survey.cli.options import campaign_argument, json_option
from survey.cli.screen import document, facts, say
from survey.errors import LocalError
from survey.flows.identity import make_identity, unseen_of_campaign
from survey.targets.campaign import read_campaign


@click.group()
def identity() -> None:
    """What somebody finds who looks up where our packets come from."""


@identity.command()
@campaign_argument
@click.argument("folder", metavar="FOLDER", type=click.Path(path_type=Path, file_okay=False))
def make(campaign: Path, folder: Path) -> None:
    """Write the explanation page, /.well-known/probing.txt (RFC 9511) and DNS records."""
    made = make_identity(read_campaign(campaign), folder)
    facts(
        [
            ("explanation", f"{made.page}: serve it at identity.page"),
            ("probing file", f"{made.probing}: serve it on every host that probes come from"),
            ("DNS records", f"{made.records}: for whoever runs the zones"),
        ]
    )


@identity.command()
@campaign_argument
@json_option
def check(campaign: Path, *, as_json: bool) -> None:
    """See from outside that names, reverse names, page and probing file agree."""
    read = read_campaign(campaign)
    problems = unseen_of_campaign(read)
    if as_json:
        document(problems)
    for problem in problems:
        say(f"missing: {problem}")
    if problems:
        raise LocalError(f"{len(problems)} of what says who we are is not in order")
    say(f"{read.identity.helo}: names, reverse names, page and probing file are in order")
