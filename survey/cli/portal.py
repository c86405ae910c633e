"""``survey portal``: what a participating agency may see, for whoever has one of its keys."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from survey.cli.delivery import outgoing_option
from survey.cli.letters import opened_ledger
from survey.cli.main import settings_of
from survey.cli.options import campaign_argument, json_option
from survey.cli.screen import document, say, table
from survey.cli.serving import listen_at, listen_option, proxy_option, refresh_option
from survey.errors import ConfigError
from survey.flows.deliver import means_of
from survey.flows.portal import serve_portal
from survey.model.delivery import Audience
from survey.model.portal import PortalKey, Scope
from survey.storage.agencies import find_agency
from survey.storage.audit import record
from survey.storage.layout import Layout
from survey.storage.portal_keys import PortalKeys
from survey.targets.campaign import read_campaign

_LONGEST = 120


@click.group()
def portal() -> None:
    """The agencies' portal (docs/portal.md)."""


@portal.group()
def keys() -> None:
    """Keys of the portal: who may see what, and until when."""


@keys.command("add")
@click.option("--agency", required=True, metavar="ID", help="Whose; see --agencies.")
@click.option("--holder", required=True, metavar="TEXT", help="Which person or machine gets it.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    required=True,
    type=click.Choice(sorted(one.value for one in Scope)),
    help="What it opens; may be given several times.",
)
@click.option(
    "--days",
    type=click.IntRange(1, 366),
    default=90,
    show_default=True,
    help="How long it lasts; at most a year.",
)
@outgoing_option
@json_option
@click.pass_context
def add_command(  # noqa: PLR0917 - one parameter per option
    ctx: click.Context,
    agency: str,
    holder: str,
    scopes: tuple[str, ...],
    days: int,
    outgoing: Path,
    *,
    as_json: bool,
) -> None:
    """Make a key, and print it; this is the only time that it is shown (audited)."""
    settings = settings_of(ctx)
    found = find_agency(settings.agencies, agency)
    if not holder.strip() or len(holder) > _LONGEST or not holder.isprintable():
        raise ConfigError("--holder", "", "won't do", f"name who gets it in {_LONGEST} characters")
    wanted = [Scope(one) for one in scopes]
    if Audience.TECHNICAL not in found.audiences and set(wanted) != {Scope.REPORTS}:
        raise ConfigError(
            "--scope",
            "",
            f"{agency} has no technical readers, so no key of it shows single hosts",
            "give only `reports`, or add `technical` to the agency's audiences",
        )
    now = datetime.now(UTC)
    with opened_ledger(settings, means_of(settings, outgoing.absolute())) as ledger:
        key, text = PortalKeys(ledger).add(agency, holder, wanted, now + timedelta(days=days), now)
    said = f"agency={agency} key={key.id} scopes={','.join(sorted(key.scopes))} days={days}"
    record(Layout(settings.data), "portal key made", said, now=now)
    say(f"key {key.id} of {agency} for {holder}, until {key.expires_at:%Y-%m-%d}; hand it over")
    say("by a way that nobody else reads. It is kept nowhere and not shown again:")
    if as_json:
        document({"id": key.id, "key": text, "expires_at": key.expires_at})
    else:
        click.echo(text)


@keys.command("list")
@click.option("--agency", metavar="ID", help="Only this one's.")
@outgoing_option
@json_option
@click.pass_context
def list_command(ctx: click.Context, agency: str | None, outgoing: Path, *, as_json: bool) -> None:
    """Every key: whose, what it opens, until when, and when it was used last."""
    settings = settings_of(ctx)
    with opened_ledger(settings, means_of(settings, outgoing.absolute())) as ledger:
        found = PortalKeys(ledger).all(agency)
    now = datetime.now(UTC)
    if as_json:
        document([_said(one, now) for one in found])
        return
    table(
        ["key", "agency", "holder", "scopes", "state", "made", "until", "used"],
        (
            (
                one.id,
                one.agency,
                one.holder,
                " ".join(sorted(one.scopes)),
                _state(one, now),
                one.made_at,
                one.expires_at,
                one.used_at,
            )
            for one in found
        ),
    )


@keys.command("revoke")
@click.argument("key", metavar="KEY")
@outgoing_option
@click.pass_context
def revoke_command(ctx: click.Context, key: str, outgoing: Path) -> None:
    """From now on the key with this id opens nothing, and its sessions are over (audited)."""
    settings = settings_of(ctx)
    now = datetime.now(UTC)
    with opened_ledger(settings, means_of(settings, outgoing.absolute())) as ledger:
        gone = PortalKeys(ledger).revoke(key, now)
    record(
        Layout(settings.data), "portal key revoked", f"agency={gone.agency} key={gone.id}", now=now
    )
    say(f"key {gone.id} of {gone.agency} opens nothing any more")


@portal.command()
@campaign_argument
@listen_option(8081)
@proxy_option
@click.option(
    "--per-second",
    type=click.FloatRange(0.1),
    default=5.0,
    show_default=True,
    help="Requests of one key; ten times as many at once.",
)
@refresh_option
@outgoing_option
@click.pass_context
def serve(  # noqa: PLR0917 - one parameter per option
    ctx: click.Context,
    campaign: Path,
    listen: str,
    proxy: str,
    per_second: float,
    refresh: float,
    outgoing: Path,
) -> None:
    """Serve the portal alone, on a host apart from the site's pages; below /portal.

    Behind a web server with TLS, that writes no query strings down. `survey site serve` has the
    portal, too.
    """
    address, port = listen_at(listen)
    settings = settings_of(ctx)
    read = read_campaign(campaign)
    with opened_ledger(settings, means_of(settings, outgoing.absolute())) as ledger:
        say(f"serving the portal on {listen}, below /portal; Ctrl-C ends it")
        serve_portal(
            settings,
            read,
            ledger,
            address,
            port,
            trusted=proxy,
            refresh=refresh,
            per_second=per_second,
        )


def _state(key: PortalKey, now: datetime) -> str:
    if key.revoked_at is not None:
        return "revoked"
    return "opens" if key.opens(now) else "expired"


def _said(key: PortalKey, now: datetime) -> dict[str, object]:
    return {
        "id": key.id,
        "agency": key.agency,
        "holder": key.holder,
        "scopes": sorted(key.scopes),
        "state": _state(key, now),
        "made_at": key.made_at,
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
        "used_at": key.used_at,
    }
