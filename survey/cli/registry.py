"""``survey registry``: dated snapshots of outside data."""

from datetime import UTC, datetime
from pathlib import Path

import click
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from survey.cli.main import settings_of
from survey.cli.options import json_option
from survey.cli.screen import console, document, say, table
from survey.enrichment.fetch import fetch_snapshot
from survey.enrichment.formats import Format
from survey.enrichment.snapshots import import_snapshot
from survey.enrichment.sources import SOURCES, Source
from survey.storage.layout import Layout
from survey.storage.registries import Snapshot, SnapshotKind, list_snapshots


@click.group()
def registry() -> None:
    """Who says what about which addresses: countries, networks, holders, contacts, listings."""


@registry.command("import")
@click.argument("kind", type=click.Choice([kind.value for kind in SnapshotKind]))
@click.argument(
    "files",
    metavar="FILE...",
    nargs=-1,
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
)
@click.option("--source", required=True, help="Who publishes it, as reports shall name it.")
@click.option("--licence", required=True, help="Its terms, one line.")
@click.option("--attribution", default="", help="The line that its terms ask for in reports.")
@click.option(
    "--format",
    "written_as",
    type=click.Choice([one.value for one in Format]),
    help="How it is written (default: told from its content).",
)
@click.option(
    "--retrieved",
    type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]),
    help="When it was fetched, UTC (default: now); its day is when it comes into force.",
)
@click.pass_context
def import_command(  # noqa: PLR0917 - one parameter per option
    ctx: click.Context,
    kind: str,
    files: tuple[Path, ...],
    source: str,
    licence: str,
    attribution: str,
    written_as: str | None,
    retrieved: datetime | None,
) -> None:
    """Import a publisher's file whole, or refuse it whole (docs/registries.md has the formats).

    Several files make one snapshot, as the five regional registries' do.
    """
    _tell(
        import_snapshot(
            Layout(settings_of(ctx).data),
            SnapshotKind(kind),
            *files,
            source=source,
            licence=licence,
            attribution=attribution,
            retrieved_at=retrieved.replace(tzinfo=UTC) if retrieved else None,
            written_as=Format(written_as) if written_as else None,
        )
    )


@registry.command("fetch")
@click.argument(
    "names", metavar="NAME...", nargs=-1, required=True, type=click.Choice(list(SOURCES))
)
@click.option(
    "--mirror",
    envvar="SURVEY_REGISTRY_MIRROR",
    default="",
    metavar="URL",
    help="Ask this address instead of the publisher; the same paths lie below it.",
)
@click.pass_context
def fetch(ctx: click.Context, names: tuple[str, ...], mirror: str) -> None:
    """Fetch openly licensed registries from their publishers and import them.

    `survey registry sources` lists them with their terms.
    """
    layout = Layout(settings_of(ctx).data)
    for name in dict.fromkeys(names):
        _tell(_fetch(layout, SOURCES[name], mirror))


@registry.command("sources")
@json_option
def sources(*, as_json: bool) -> None:
    """What `survey registry fetch` knows, with licences."""
    if as_json:
        document([*SOURCES.values()])
        return
    table(
        ("name", "kind", "licence", "attribution"),
        ((one.name, one.kind, one.licence, one.attribution) for one in SOURCES.values()),
    )


@registry.command("list")
@json_option
@click.pass_context
def list_command(ctx: click.Context, *, as_json: bool) -> None:
    """All snapshots, by kind and date."""
    layout = Layout(settings_of(ctx).data)
    snapshots = [one for kind in SnapshotKind for one in list_snapshots(layout, kind)]
    if as_json:
        document(snapshots)
        return
    table(
        ("snapshot", "rows", "in force from", "source", "licence"),
        ((one.id, one.rows, one.day, one.source, one.licence) for one in snapshots),
    )


def _fetch(layout: Layout, source: Source, mirror: str) -> Snapshot:
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        console=console,
        transient=True,
    ) as bar:
        task = bar.add_task(source.name, total=None)
        return fetch_snapshot(
            layout,
            source,
            lambda here, total: bar.update(task, completed=here, total=total),
            mirror=mirror,
        )


def _tell(snapshot: Snapshot) -> None:
    say(f"{snapshot.id}: {snapshot.rows:,} rows, in force from {snapshot.day}")
    for note in snapshot.notes:
        say(f"  {note}")
