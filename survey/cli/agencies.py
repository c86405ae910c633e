"""``survey agencies``: who takes part, who sees the same, and whether the files can be used."""

from datetime import UTC, datetime
from pathlib import Path

import click

from survey.cli.main import settings_of
from survey.cli.options import json_option
from survey.cli.screen import document, say, table
from survey.errors import SurveyError
from survey.flows.agencies import check_agencies, shared_space
from survey.reports.participants import in_order, participants_json, participants_page
from survey.storage.agencies import read_agencies
from survey.storage.files import replace_text


class AgenciesError(SurveyError):
    """An agency's file would make a delivery fail."""


@click.group()
def agencies() -> None:
    """The participating agencies (docs/agencies.md)."""


@agencies.command("list")
@json_option
@click.pass_context
def list_command(ctx: click.Context, *, as_json: bool) -> None:
    """Everyone who takes part, and what they get."""
    known = in_order(read_agencies(settings_of(ctx).agencies))
    if as_json:
        document(known)
        return
    table(
        ["agency", "country", "name", "every", "time zone", "formats", "delivery", "key"],
        (
            (
                one.id,
                one.country,
                one.name,
                one.cadence.value,
                one.time_zone,
                " ".join(one.formats),
                " ".join(part.name for part in one.delivery) or None,
                one.openpgp is not None,
            )
            for one in known
        ),
    )


@agencies.command("overlaps")
@json_option
@click.pass_context
def overlaps_command(ctx: click.Context, *, as_json: bool) -> None:
    """Pairs that claim the same, or see the same addresses by the registries in force."""
    shared = shared_space(settings_of(ctx))
    if as_json:
        document(shared)
        return
    table(
        ["agency", "and", "both claim", "addresses"],
        ((one.first, one.second, ", ".join(one.claims) or None, one.addresses) for one in shared),
    )
    if any(one.addresses is None for one in shared):
        say("no registry of countries or networks is in force, so only equal words are compared")


@agencies.command("check")
@json_option
@click.pass_context
def check_command(ctx: click.Context, *, as_json: bool) -> None:
    """Read every file and every key that it names; fails if a delivery would."""
    remarks = check_agencies(settings_of(ctx))
    if as_json:
        document(remarks)
    else:
        for one in remarks:
            say(f"{one.agency}: {'wrong: ' if one.wrong else ''}{one.text}")
    wrong = sum(one.wrong for one in remarks)
    if wrong:
        raise AgenciesError(f"{wrong} of the files above can't be used as they are")
    say("every agency's file can be used")


@agencies.command("publish")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE")
@click.pass_context
def publish_command(ctx: click.Context, file: Path) -> None:
    """Write the public list of participating agencies, as .html or .json."""
    known = read_agencies(settings_of(ctx).agencies)
    write = {".html": participants_page, ".json": participants_json}.get(file.suffix)
    if write is None:
        raise click.UsageError(f"{file}: the list can be written as .html or .json")
    replace_text(file.absolute(), write(known, datetime.now(UTC)))
    say(f"{file}: {len(known)} agencies; names, pages and mailboxes as their files have them")
