"""``survey report``: an agency's report on its own jurisdiction."""

import click

from survey.cli.delivery import (
    deliver_command,
    ledger_command,
    preview_command,
    schema_command,
    settle_command,
)
from survey.cli.main import settings_of
from survey.cli.options import json_option
from survey.cli.screen import document, say
from survey.flows.report import make_report


@click.group(invoke_without_command=True)
@click.option("--agency", metavar="ID", help="Whose report; see --agencies.")
@click.option("--period", metavar="PERIOD", help="A run, week or month: 2026-W48, 2026-11.")
@click.option("--campaign", metavar="ID", help="Campaign id, if several have such a run.")
@click.option("--language", metavar="LANG", help="Instead of the agency's own first language.")
@json_option
@click.pass_context
def report(  # noqa: PLR0917 - one parameter per option
    ctx: click.Context,
    agency: str | None,
    period: str | None,
    campaign: str | None,
    language: str | None,
    as_json: bool,  # noqa: FBT001 - a flag
) -> None:
    """Write one agency's report: page, PDF, public summary, list, feeds; leaves an audit line."""
    if ctx.invoked_subcommand is not None:
        return
    if agency is None or period is None:
        raise click.UsageError("a report needs --agency ID and --period PERIOD")
    files = make_report(settings_of(ctx), agency, period, campaign=campaign, language=language)
    if as_json:
        document(files)
        return
    say(
        f"{files.agency}: {files.open:,} open servers, {files.suspected:,} suspected, among "
        f"{files.tested:,} addresses tested"
    )
    for path in files.for_people:
        say(f"for people: {path}")
    say(f"list: {files.hosts} (host-level: for this agency only)")


report.add_command(deliver_command)
report.add_command(preview_command)
report.add_command(ledger_command)
report.add_command(settle_command)
report.add_command(schema_command)
