"""``survey site``: the operators' site."""

from pathlib import Path

import click

from survey.cli.main import settings_of
from survey.cli.options import campaign_argument, json_option
from survey.cli.screen import document, facts
from survey.flows.site import build_site
from survey.targets.campaign import read_campaign


@click.group()
def site() -> None:
    """The operators' site (docs/site.md)."""


@site.command()
@campaign_argument
@click.argument("folder", metavar="FOLDER", type=click.Path(path_type=Path, file_okay=False))
@json_option
@click.pass_context
def build(ctx: click.Context, campaign: Path, folder: Path, *, as_json: bool) -> None:
    """Write the static pages, in every language, for a web server to serve at identity.page."""
    read = read_campaign(campaign)
    made = build_site(settings_of(ctx), read, folder)
    if as_json:
        document(made)
        return
    facts(
        [
            ("site", f"{made.folder}: serve it at {read.identity.page}"),
            ("languages", ", ".join(made.languages)),
            ("pages", f"{made.pages}, the largest {made.largest:,} bytes"),
        ]
    )
