"""``survey listings``: what public databases say, from their files and over DNS."""

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import click

from survey.analysis.open_servers import suspects
from survey.cli.main import settings_of
from survey.cli.options import json_option, run_option
from survey.cli.screen import document, say, table
from survey.enrichment.formats import READERS
from survey.enrichment.listed import known_listings
from survey.enrichment.snapshots import import_snapshot
from survey.errors import ConfigError, StorageError, SurveyError
from survey.flows.listings import Checked, ZoneSummary, check_listings
from survey.flows.runs import newest_run
from survey.model.address import format_ip, parse_ip
from survey.settings import Settings
from survey.storage.layout import Layout
from survey.storage.registries import SnapshotKind
from survey.targets.campaign import read_campaign

HEADERS = ("address", "listing", "state", "code", "meaning", "listed since", "last seen")


@click.group()
def listings() -> None:
    """What public databases say about addresses: import their files, or ask them over DNS."""


@listings.command("import")
@click.argument(
    "files",
    metavar="FILE...",
    nargs=-1,
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
)
@click.option(
    "--format",
    "written_as",
    type=click.Choice([one.value for one in READERS[SnapshotKind.LISTING]]),
    required=True,
    help="How it is written (docs/listings.md).",
)
@click.option("--listing", required=True, help="Name of the database; of a zone, the zone.")
@click.option("--licence", required=True, help="Its terms, one line.")
@click.option("--attribution", default="", help="The line that its terms ask for in reports.")
@click.option(
    "--retrieved",
    type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]),
    help="When it was fetched, UTC (default: now); its day is when it comes into force.",
)
@click.pass_context
def import_command(  # noqa: PLR0917 - one parameter per option
    ctx: click.Context,
    files: tuple[Path, ...],
    written_as: str,
    listing: str,
    licence: str,
    attribution: str,
    retrieved: datetime | None,
) -> None:
    """Import a database's file whole, or refuse it whole, at a line."""
    formats = {one.value: one for one in READERS[SnapshotKind.LISTING]}
    snapshot = import_snapshot(
        Layout(settings_of(ctx).data),
        SnapshotKind.LISTING,
        *files,
        source=listing,
        licence=licence,
        attribution=attribution,
        written_as=formats[written_as],
        retrieved_at=retrieved.replace(tzinfo=UTC) if retrieved else None,
    )
    say(f"{snapshot.id}: {snapshot.rows:,} entries, in force from {snapshot.day}")


@listings.command("list")
@json_option
@click.pass_context
def list_command(ctx: click.Context, *, as_json: bool) -> None:
    """The databases in force today, by the names that [targets] listings may have."""
    known = known_listings(Layout(settings_of(ctx).data))
    if as_json:
        document(known)
        return
    table(
        ("listing", "ranges", "names", "snapshot"),
        ((one.name, one.ranges, one.names, one.snapshot) for one in known),
    )


@listings.command("check")
@click.argument("wishes", metavar="[CAMPAIGN.toml] [IP...]", nargs=-1)
@click.option(
    "--campaign",
    "campaign_path",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Whose zones are asked, if it is not given as an argument.",
)
@run_option
@json_option
@click.pass_context
def check_command(
    ctx: click.Context,
    wishes: tuple[str, ...],
    campaign_path: Path | None,
    run: str | None,
    *,
    as_json: bool,
) -> None:
    """Ask the campaign's DNSBLs about addresses, or about a run's open and suspected ones.

    Only zones that the campaign names with permission and rate are asked; leaves an audit line.
    """
    settings = settings_of(ctx)
    files = [Path(wish) for wish in wishes if wish.endswith(".toml")]
    files += [campaign_path] if campaign_path else []
    if len(files) != 1:
        raise ConfigError(
            "CAMPAIGN.toml",
            "",
            "one campaign says which DNSBLs may be asked",
            "give its file, then addresses if you like",
        )
    campaign = read_campaign(files[0])
    ips = [_address(wish) for wish in wishes if not wish.endswith(".toml")]
    if not ips:
        ips = _of_run(settings, campaign.id, run)
    checked = check_listings(settings, files[0], campaign, ips, say)
    _show(checked, as_json=as_json)
    _tell(checked)
    broken = [zone.zone for zone in checked.zones if zone.trouble]
    if broken:
        raise SurveyError(f"not all could be asked of {', '.join(broken)}; try again later")


def _address(text: str) -> int:
    try:
        return parse_ip(text)
    except ValueError as error:
        raise ConfigError("IP", "", f"{text[:60]!r} is no IPv4 address", "such as 192.0.2.7") from (
            error
        )


def _of_run(settings: Settings, campaign: str, run: str | None) -> list[int]:
    plan = newest_run(settings, campaign, run)
    layout = Layout(settings.data)
    if not layout.run(campaign, plan.run).findings.is_file():
        raise StorageError(
            f"{campaign} {plan.run}: has no verdicts yet; judge it with `survey findings`"
        )
    return list(suspects(layout, campaign, plan.run))


def _show(checked: Checked, *, as_json: bool) -> None:
    if as_json:
        document([asdict(one) | {"ip": format_ip(one.ip)} for one in checked.checks])
        return
    table(
        HEADERS,
        (
            (
                format_ip(one.ip),
                one.listing,
                one.state,
                one.code,
                one.reason,
                one.since,
                one.last_seen,
            )
            for one in checked.checks
        ),
    )


def _tell(checked: Checked) -> None:
    for zone in checked.zones:
        say(_line(zone))
    if checked.opted_out:
        say(f"{checked.opted_out:,} addresses have opted out; nobody was asked about them")


def _line(zone: ZoneSummary) -> str:
    counts = (
        f"{zone.zone}: {zone.listed:,} listed, {zone.not_listed:,} not listed, "
        f"{zone.unknown:,} unknown; asked about {zone.asked:,}"
    )
    return f"{counts}; {zone.trouble}" if zone.trouble else counts
