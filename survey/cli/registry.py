"""``survey registry``: dated snapshots of outside data."""

from datetime import UTC, datetime
from pathlib import Path

import click

from survey.cli.main import settings_of
from survey.cli.options import json_option
from survey.cli.screen import document, say, table
from survey.enrichment.snapshots import import_snapshot
from survey.storage.layout import Layout
from survey.storage.registries import SnapshotKind, list_snapshots


@click.group()
def registry() -> None:
    """Who says what about which addresses: country, network, contact, listing."""


@registry.command("import")
@click.argument("kind", type=click.Choice([kind.value for kind in SnapshotKind]))
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--source", required=True, help="Who publishes it, as reports shall name it.")
@click.option("--licence", required=True, help="Its terms, one line.")
@click.option(
    "--retrieved",
    type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]),
    help="When it was fetched, UTC (default: now); its day is when it comes into force.",
)
@click.pass_context
def import_command(  # noqa: PLR0917 - one parameter per option
    ctx: click.Context,
    kind: str,
    file: Path,
    source: str,
    licence: str,
    retrieved: datetime | None,
) -> None:
    """Import a publisher's file whole, or refuse it whole (docs/registries.md has the formats)."""
    snapshot = import_snapshot(
        Layout(settings_of(ctx).data),
        SnapshotKind(kind),
        file,
        source=source,
        licence=licence,
        retrieved_at=retrieved.replace(tzinfo=UTC) if retrieved else None,
    )
    say(f"{snapshot.id}: {snapshot.rows:,} ranges, in force from {snapshot.day}")


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
        ("snapshot", "ranges", "in force from", "source", "licence"),
        ((one.id, one.rows, one.day, one.source, one.licence) for one in snapshots),
    )
