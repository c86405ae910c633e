"""``survey explain``: what we did to an address, and when."""

import click

from survey.cli.answer import answer
from survey.cli.main import settings_of
from survey.cli.options import json_option
from survey.cli.screen import document, say
from survey.errors import ConfigError
from survey.flows.explain import explain_everywhere
from survey.model.address import parse_ip


@click.command()
@click.argument("ip", metavar="IP")
@click.option("--campaign", metavar="ID", help="Only this campaign (default: all).")
@click.option("--run", metavar="ID", help="Only this run (default: all).")
@click.option("--evidence", is_flag=True, help="Show what was said, both ways.")
@json_option
@click.pass_context
def explain(
    ctx: click.Context,
    /,
    ip: str,
    campaign: str | None,
    run: str | None,
    *,
    evidence: bool,
    as_json: bool,
) -> None:
    """Say what was sent to an address, when, and what came back: fit to answer a complaint.

    It leaves an audit line.
    """
    try:
        number = parse_ip(ip)
    except ValueError as error:
        raise ConfigError("IP", "", f"{ip!r} is no IPv4 address", "such as 192.0.2.7") from error
    settings = settings_of(ctx)
    explanations = explain_everywhere(settings, number, campaign, run)
    if as_json:
        document(explanations)
        return
    if not explanations:
        say(f"{settings.data}: no such run, so nothing was sent to {ip}")
    click.echo("\n".join(answer(one, evidence=evidence) for one in explanations), nl=False)
