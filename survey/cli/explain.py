"""``survey explain``: what we did to an address, and when."""

import click

from survey.cli.main import settings_of
from survey.cli.options import json_option
from survey.cli.screen import document, say, table
from survey.errors import ConfigError
from survey.flows.explain import Explanation, Fate, Revisited
from survey.flows.explain import explain as explain_run
from survey.flows.runs import all_runs
from survey.model.address import parse_ip

SAYS = {
    Fate.NOT_PLANNED: "not in the plan: nothing was sent to it",
    Fate.PENDING: "its shard was not handed out yet: nothing was sent to it",
    Fate.UNDER_WAY: "its shard is under way: it may have been tested",
    Fate.TESTED: "every planned port of it was dialled",
    Fate.KEPT_BACK: "it had opted out: nothing was sent to it",
    Fate.UNCERTAIN: "an opt-out or exclusion came in meanwhile: some ports may have been dialled",
}


@click.command()
@click.argument("ip", metavar="IP")
@click.option("--campaign", metavar="ID", help="Only this campaign (default: all).")
@click.option("--run", metavar="ID", help="Only this run (default: all).")
@json_option
@click.pass_context
def explain(
    ctx: click.Context, ip: str, campaign: str | None, run: str | None, *, as_json: bool
) -> None:
    """Say in which shard an address lies, when it was tested, what was sent and seen."""
    try:
        number = parse_ip(ip)
    except ValueError as error:
        raise ConfigError("IP", "", f"{ip!r} is no IPv4 address", "such as 192.0.2.7") from error
    settings = settings_of(ctx)
    explanations = [
        explain_run(settings, plan.campaign, plan.run, number)
        for plan in all_runs(settings)
        if campaign in {None, plan.campaign} and run in {None, plan.run}
    ]
    if as_json:
        document(explanations)
        return
    if not explanations:
        say(f"{settings.data}: no such run, so nothing was sent to {ip}")
    for one in explanations:
        _print(ip, one)


def _print(ip: str, one: Explanation) -> None:
    say(f"{one.campaign} {one.run}: {ip}: {SAYS[one.fate]}")
    if one.shard is not None:
        ports = ", ".join(str(port) for port in one.ports)
        say(f"  shard {one.shard}, plan index {one.index}, ports {ports}")
    if one.window is not None:
        began, ended = one.window
        say(f"  between {began:%Y-%m-%d %H:%M:%S} and {ended:%Y-%m-%d %H:%M:%S} UTC")
    if len(one.handouts) > 1:
        say(f"  its shard was handed out {len(one.handouts)} times, so packets may have repeated")
    for entry in one.optouts:
        say(f"  opted out since {entry.added_at:%Y-%m-%d %H:%M:%S} UTC, by {entry.by}")
    if one.excluded:
        say("  an exclusion file of the campaign has it")
    for listing in one.listings:
        since = f", since {listing.known_since:%Y-%m-%d}" if listing.known_since else ""
        why = f": {listing.reason}" if listing.reason else ""
        say(f"  listed by {listing.name}{since}{why}")
    for later in one.revisits:
        what = f"{later.visit.reason}, {later.visit.probe} on port {later.visit.port}"
        say(f"  follow-up in round {later.round}: {what}: {_when(later)}")
    if one.messages:
        say(f"  it was sent {one.messages} test message{'s' if one.messages > 1 else ''}")
    if one.observations:
        table(
            (
                "started",
                "port",
                "probe",
                "variant",
                "attempt",
                "client",
                "got to",
                "failure",
                "bytes out",
                "bytes in",
            ),
            (
                (
                    seen.started_at,
                    str(seen.port),
                    seen.probe,
                    seen.variant,
                    str(seen.attempt),
                    seen.client,
                    seen.step,
                    seen.failure,
                    seen.bytes_out,
                    seen.bytes_in,
                )
                for seen in one.observations
            ),
        )


def _when(later: Revisited) -> str:
    if later.receipt is not None:
        began, ended = later.receipt.started_at, later.receipt.finished_at
        return f"between {began:%Y-%m-%d %H:%M:%S} and {ended:%Y-%m-%d %H:%M:%S} UTC"
    return "under way, it may have been tested" if later.handouts else "not handed out yet"
