"""``survey stop``, ``pause`` and ``rate``: wishes that a running scan obeys within seconds."""

from pathlib import Path

import click

from survey.cli.main import settings_of
from survey.cli.options import campaign_argument, run_option
from survey.cli.screen import say
from survey.flows.control import ask_pause, ask_rate, ask_stop
from survey.flows.runs import newest_run
from survey.targets.campaign import read_campaign


@click.command()
@campaign_argument
@run_option
@click.pass_context
def stop(ctx: click.Context, campaign: Path, run: str | None) -> None:
    """Stop the running scan; conversations are broken off, `survey scan` resumes it."""
    settings = settings_of(ctx)
    plan = newest_run(settings, read_campaign(campaign).id, run)
    ask_stop(settings, plan)
    say(f"{plan.campaign} {plan.run}: asked to stop; in force within {plan.lease_seconds:g} s")


@click.command()
@campaign_argument
@run_option
@click.pass_context
def pause(ctx: click.Context, campaign: Path, run: str | None) -> None:
    """Send nothing new; `survey rate CAMPAIGN.toml cap` goes on."""
    settings = settings_of(ctx)
    plan = newest_run(settings, read_campaign(campaign).id, run)
    ask_pause(settings, plan, paused=True)
    say(f"{plan.campaign} {plan.run}: asked to pause")


@click.command()
@campaign_argument
@click.argument("packets_per_second", metavar="PACKETS|cap")
@run_option
@click.pass_context
def rate(ctx: click.Context, campaign: Path, packets_per_second: str, run: str | None) -> None:
    """Go on at this many packets/s, at most the plan's cap; `cap` is the cap itself."""
    if packets_per_second != "cap" and not packets_per_second.isdecimal():
        raise click.BadParameter(f"{packets_per_second!r} is neither a whole number nor 'cap'")
    settings = settings_of(ctx)
    plan = newest_run(settings, read_campaign(campaign).id, run)
    ask_rate(settings, plan, None if packets_per_second == "cap" else int(packets_per_second))
    say(f"{plan.campaign} {plan.run}: asked to go on at {packets_per_second} packets/s")
