"""``survey canary``: run the MX and the echo host of a campaign."""

from pathlib import Path

import click

from survey.cli.main import settings_of
from survey.cli.options import campaign_argument
from survey.cli.screen import say
from survey.flows.canary import run_canary


@click.command()
@campaign_argument
@click.pass_context
def canary(ctx: click.Context, campaign: Path) -> None:
    """Run the MX and the echo host until told to stop; they relay nothing."""
    run_canary(settings_of(ctx), campaign, say)
