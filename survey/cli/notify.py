"""``survey notify``: letters to operators."""

from pathlib import Path

import click

from survey.cli.delivery import outgoing_option
from survey.cli.letters import (
    approve_command,
    letter_option,
    plan_command,
    print_letter,
    show_letter,
    status_command,
    write_reviews,
)
from survey.cli.letters_sent import bounces_command, send_command, settle_command
from survey.cli.main import settings_of
from survey.cli.options import contacts_option, json_option
from survey.cli.screen import document, say
from survey.flows.notify import preview_letter


@click.group()
def notify() -> None:
    """Letters to operators: planned, shown, approved, sent, and what came of them."""


@notify.command("preview")
@click.option("--case", "number", metavar="N", help="The letter of this case as it would go out.")
@letter_option
@click.option(
    "--agency",
    metavar="ID",
    help="Instead: all that waits for this agency's approval, with the list that "
    "`approve --list` takes.",
)
@click.option(
    "--to",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="FOLDER",
    help="Where --agency, or --case with --pdf, writes.",
)
@click.option("--run", metavar="ID", help="Instead: what a finding of this run would get.")
@click.option("--campaign", metavar="ID", help="Campaign id, if several have such a run.")
@click.option(
    "--finding", metavar="IP[:PORT][/PROBE]", help="Which (default: the best proven one)."
)
@click.option("--language", metavar="LANG", help="Instead of the operator's own.")
@click.option("--pdf", "paper", is_flag=True, help="On the agency's paper, too, to be posted.")
@contacts_option
@outgoing_option
@json_option
@click.pass_context
def preview_command(  # noqa: PLR0917 - one parameter per option
    ctx: click.Context,
    number: str | None,
    letter: str | None,
    agency: str | None,
    folder: Path | None,
    run: str | None,
    campaign: str | None,
    finding: str | None,
    language: str | None,
    paper: bool,  # noqa: FBT001 - a flag
    contacts: Path,
    outgoing: Path,
    as_json: bool,  # noqa: FBT001 - a flag
) -> None:
    """Show what would go out: of a case, of all that waits for an agency, or of one finding."""
    if sum(one is not None for one in (number, run, agency)) != 1:
        raise click.UsageError("give --case N, --agency ID --to FOLDER, or --run ID")
    if agency is not None:
        if folder is None:
            raise click.UsageError("--agency needs --to FOLDER")
        write_reviews(settings_of(ctx), outgoing, contacts, agency, folder, paper=paper)
        return
    if number is not None:
        if paper != (folder is not None):
            raise click.UsageError("--case needs --to FOLDER with --pdf, and only then")
        shown = show_letter(settings_of(ctx), outgoing, number, letter, as_json=as_json)
        if folder is not None:
            print_letter(settings_of(ctx), outgoing, contacts, shown, folder)
        return
    assert run is not None
    preview = preview_letter(
        settings_of(ctx),
        run,
        campaign=campaign,
        finding=finding,
        language=language,
        paper=paper,
    )
    if as_json:
        document(preview)
        return
    click.echo(preview.text)
    if preview.obstacle:
        say(f"could not be sent now: {preview.obstacle}")
    say(f"letter: {preview.path}")
    if preview.pdf:
        say(f"on paper: {preview.pdf}")


for command in (
    plan_command,
    approve_command,
    send_command,
    bounces_command,
    settle_command,
    status_command,
):
    notify.add_command(command)
