"""``survey report deliver`` and what belongs to it: preview, the ledger, doubts, the schema."""

import asyncio
import getpass
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

import click

from survey.cli.main import settings_of
from survey.cli.options import json_option
from survey.cli.screen import document, say, table
from survey.errors import StoppedError, SurveyError
from survey.flows.deliver import deliver, means_of, open_ledger, rehearse, settle
from survey.flows.dispatches import Prepared
from survey.model.dispatch import Dispatch, DispatchState

outgoing_option = click.option(
    "--outgoing",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="SURVEY_OUTGOING",
    default="outgoing.toml",
    show_default=True,
    metavar="FILE",
    help="The way out and who may be reached by it (SURVEY_OUTGOING).",
)
agency_option = click.option(
    "--agency", required=True, metavar="ID", help="Whose report; see --agencies."
)
period_option = click.option(
    "--period", required=True, metavar="PERIOD", help="The report's period, e.g. 2026-W48."
)


class UndeliveredError(SurveyError):
    """Something was not delivered and will not be by itself."""


@click.command("deliver")
@agency_option
@period_option
@outgoing_option
@click.option("--dry-run", is_flag=True, help="Prepare and write everything, send nothing.")
@click.option(
    "--corrected",
    is_flag=True,
    help="Send a report that was made anew after an earlier one was planned or sent.",
)
@json_option
@click.pass_context
def deliver_command(  # noqa: PLR0917 - one parameter per option
    ctx: click.Context,
    agency: str,
    period: str,
    outgoing: Path,
    dry_run: bool,  # noqa: FBT001 - a flag
    corrected: bool,  # noqa: FBT001 - a flag
    as_json: bool,  # noqa: FBT001 - a flag
) -> None:
    """Hand a report to its agency; nothing goes twice, and a doubt is told (docs/delivery.md)."""
    settings = settings_of(ctx)
    means = means_of(settings, outgoing.absolute())
    if dry_run:
        made = rehearse(settings, agency, period, means, datetime.now(UTC))
        _show_prepared(made, as_json=as_json)
        say("nothing was sent; what would have been is under the report's folder, in dry-run")
        return
    ledger = open_ledger(settings, means)
    try:
        done = asyncio.run(
            deliver(settings, agency, period, means, ledger, corrected=corrected, say=say)
        )
    finally:
        ledger.close()
    if as_json:
        document(done)
    for text in done.put_off:
        say(f"put off: {text}")
    wrong = done.having(DispatchState.UNCERTAIN) + done.having(DispatchState.REFUSED)
    wrong = tuple(one for one in wrong if not one.receipt.startswith("superseded"))
    if wrong:
        raise UndeliveredError(
            f"{len(wrong)} need a person: "
            + ", ".join(f"{one.id[:12]} ({one.part}: {one.state})" for one in wrong)
            + "; find out and say so by `survey report settle`"
        )
    if done.put_off:
        raise StoppedError(f"{len(done.put_off)} put off; run this again later")
    say(f"{agency} {period}: all delivered")


@click.command("preview")
@agency_option
@period_option
@outgoing_option
@json_option
@click.pass_context
def preview_command(
    ctx: click.Context, agency: str, period: str, outgoing: Path, *, as_json: bool
) -> None:
    """Show what a delivery would hand to whom, and each message's head; nothing is sent."""
    settings = settings_of(ctx)
    means = means_of(settings, outgoing.absolute())
    made = rehearse(settings, agency, period, means, datetime.now(UTC))
    _show_prepared(made, as_json=as_json)
    for one in made:
        if "@" in one.dispatch.part:
            say(f"\nto {one.dispatch.part}:")
            head = one.data.partition(b"\r\n\r\n")[0].decode("utf-8", "backslashreplace")
            for line in head.split("\r\n"):
                say(f"  {line}")


@click.command("ledger")
@click.option("--agency", metavar="ID", help="Only this one's.")
@click.option("--period", metavar="PERIOD", help="Only this period's.")
@outgoing_option
@json_option
@click.pass_context
def ledger_command(
    ctx: click.Context, agency: str | None, period: str | None, outgoing: Path, *, as_json: bool
) -> None:
    """What was delivered to whom, when, its hash, and how we know."""
    settings = settings_of(ctx)
    ledger = open_ledger(settings, means_of(settings, outgoing.absolute()))
    try:
        _show(ledger.dispatches(agency, period), as_json=as_json)
    finally:
        ledger.close()


@click.command("settle")
@click.argument("dispatch")
@click.option("--arrived/--not-arrived", required=True, help="Whether the receiver has it.")
@click.option("--by", metavar="WHO", help="Who found out, and how (default: this user).")
@outgoing_option
@click.pass_context
def settle_command(
    ctx: click.Context, dispatch: str, by: str | None, outgoing: Path, *, arrived: bool
) -> None:
    """Say what became of a dispatch in doubt or refused; one that did not arrive goes again."""
    settings = settings_of(ctx)
    ledger = open_ledger(settings, means_of(settings, outgoing.absolute()))
    try:
        now = datetime.now(UTC)
        one = settle(ledger, dispatch, arrived=arrived, by=by or getpass.getuser(), now=now)
    finally:
        ledger.close()
    say(f"{one.id[:12]} ({one.part}) is {one.state} now")


@click.command("schema")
def schema_command() -> None:
    """Print what IntelMQ's Shadowserver parser needs for our own reports (docs/feeds.md)."""
    path = files("survey.reports.feeds") / "intelmq_schema.json"
    click.echo(path.read_text(encoding="utf-8"), nl=False)


def _show_prepared(made: Sequence[Prepared], *, as_json: bool) -> None:
    _show([one.dispatch for one in made], as_json=as_json)


def _show(dispatches: Sequence[Dispatch], *, as_json: bool) -> None:
    if as_json:
        document(dispatches)
        return
    table(
        ["dispatch", "agency", "period", "to", "rev", "part", "bytes", "state", "since", "receipt"],
        (
            (
                one.id[:12],
                one.agency,
                one.period,
                one.destination,
                one.revision,
                one.part,
                one.bytes,
                one.state.value,
                one.changed_at,
                one.receipt or None,
            )
            for one in dispatches
        ),
    )
