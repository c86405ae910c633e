"""``survey controls``: servers of ours that show whether a worker's path is honest."""

from pathlib import Path

import click

from survey.cli.options import campaign_argument
from survey.cli.screen import say
from survey.flows.canary import run_controls


@click.command()
@campaign_argument
def controls(campaign: Path) -> None:
    """Serve the campaign's open and closed controls until told to stop."""
    run_controls(campaign, say)
