"""``survey site``: the operators' site."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from survey.cli.delivery import outgoing_option
from survey.cli.letters import opened_ledger
from survey.cli.main import settings_of
from survey.cli.options import campaign_argument, json_option
from survey.cli.screen import document, facts, say, table
from survey.cli.serving import listen_at, listen_option, proxy_option, refresh_option
from survey.flows.deliver import means_of
from survey.flows.site import build_site
from survey.flows.site_serving import page_of_case, serve_site
from survey.storage.audit import record
from survey.storage.cases import Cases
from survey.storage.layout import Layout
from survey.storage.wishes import Wishes
from survey.targets.campaign import read_campaign


@click.group()
def site() -> None:
    """The operators' site (docs/site.md)."""


@site.command()
@campaign_argument
@click.argument("folder", metavar="FOLDER", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--served", is_flag=True, help="`survey site serve` runs as well: link to its pages, too."
)
@json_option
@click.pass_context
def build(ctx: click.Context, campaign: Path, folder: Path, *, served: bool, as_json: bool) -> None:
    """Write the static pages, in every language, for a web server to serve at identity.page."""
    read = read_campaign(campaign)
    made = build_site(settings_of(ctx), read, folder, served=served)
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


@site.command()
@campaign_argument
@listen_option(8080)
@click.option(
    "--site",
    "folder",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    metavar="FOLDER",
    help="Serve these static pages as well, where no web server does.",
)
@proxy_option
@click.option(
    "--per-second",
    type=click.FloatRange(0.1),
    default=20.0,
    show_default=True,
    help="Requests of one visitor; a form counts as ten.",
)
@refresh_option
@outgoing_option
@click.pass_context
def serve(  # noqa: PLR0917 - one parameter per option
    ctx: click.Context,
    campaign: Path,
    listen: str,
    folder: Path | None,
    proxy: str,
    per_second: float,
    refresh: float,
    outgoing: Path,
) -> None:
    """Serve the pages that answer: cases with their three buttons, and own tests.

    Behind a web server with TLS (infra/site). A test that is asked for waits in the run's queue
    until `survey retest --due` makes it.
    """
    address, port = listen_at(listen)
    settings = settings_of(ctx)
    read = read_campaign(campaign)
    with opened_ledger(settings, means_of(settings, outgoing.absolute())) as ledger:
        say(f"serving {read.identity.page} on {listen}; Ctrl-C ends it")
        serve_site(
            settings,
            read,
            ledger,
            address,
            port,
            folder=folder,
            trusted=proxy,
            refresh=refresh,
            per_second=per_second,
        )


@site.command()
@campaign_argument
@click.argument("number", metavar="CASE")
@outgoing_option
@click.pass_context
def link(ctx: click.Context, campaign: Path, number: str, outgoing: Path) -> None:
    """Print the address of a case's page; whoever has it may act on the case (audited)."""
    settings = settings_of(ctx)
    with opened_ledger(settings, means_of(settings, outgoing.absolute())) as ledger:
        known = Cases(ledger).get(number)
    record(Layout(settings.data), "case page link", f"case={known.number}")
    click.echo(page_of_case(settings, read_campaign(campaign).identity.page, known.number))


@site.command()
@click.option("--days", type=click.IntRange(1), default=30, show_default=True, help="How far back.")
@outgoing_option
@json_option
@click.pass_context
def wishes(ctx: click.Context, days: int, outgoing: Path, *, as_json: bool) -> None:
    """What people asked for on the site: whose server it is, opt-outs, tests (audited)."""
    settings = settings_of(ctx)
    with opened_ledger(settings, means_of(settings, outgoing.absolute())) as ledger:
        found = Wishes(ledger).since(datetime.now(UTC) - timedelta(days=days))
    record(Layout(settings.data), "site wishes", f"days={days}")
    if as_json:
        document(found)
        return
    table(
        ["at", "wish", "case", "what was written"],
        ((one.at, one.kind.value, one.case or None, one.detail or None) for one in found),
    )
