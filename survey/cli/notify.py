"""``survey notify``: letters to operators."""

import click

from survey.cli.main import settings_of
from survey.cli.options import json_option
from survey.cli.screen import document, say
from survey.flows.notify import preview_letter


@click.group()
def notify() -> None:
    """Letters to operators; for now they are written and shown, not sent."""


@notify.command("preview")
@click.option("--run", required=True, metavar="ID", help="The run, e.g. 2026-W48.")
@click.option("--campaign", metavar="ID", help="Campaign id, if several have such a run.")
@click.option(
    "--finding", metavar="IP[:PORT][/PROBE]", help="Which (default: the best proven one)."
)
@click.option("--language", metavar="LANG", help="Instead of the operator's own.")
@json_option
@click.pass_context
def preview_command(  # noqa: PLR0917 - one parameter per option
    ctx: click.Context,
    run: str,
    campaign: str | None,
    finding: str | None,
    language: str | None,
    as_json: bool,  # noqa: FBT001 - a flag
) -> None:
    """Write the letter about one finding as a complete message, and show its text."""
    preview = preview_letter(
        settings_of(ctx), run, campaign=campaign, finding=finding, language=language
    )
    if as_json:
        document(preview)
        return
    click.echo(preview.text)
    if preview.obstacle:
        say(f"could not be sent now: {preview.obstacle}")
    say(f"letter: {preview.path}")
