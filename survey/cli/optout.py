"""``survey optout``: the organisation's opt-out log, apart from campaigns and data."""

from datetime import UTC, datetime
from pathlib import Path

import click

from survey.cli.delivery import outgoing_option
from survey.cli.main import settings_of
from survey.cli.options import json_option
from survey.cli.purging import erase_now, prefix_range
from survey.cli.screen import document, say, table
from survey.errors import ConfigError
from survey.model.address import format_ip, parse_ip
from survey.targets.optouts import OptOut, add, init_log, read_log
from survey.targets.ranges import RangeSet

log_option = click.option(
    "--log",
    "log",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="SURVEY_OPTOUTS",
    default="optouts.log",
    show_default=True,
    help="The opt-out log (SURVEY_OPTOUTS); the campaigns name it in [optouts] path.",
)


@click.group()
def optout() -> None:
    """Who is not to be tested; in force within seconds in a running scan."""


@optout.command("init")
@log_option
def init_command(log: Path) -> None:
    """Make an empty log; without one no scan sends anything."""
    init_log(log.absolute())
    say(f"{log}: an empty opt-out log; name it in each campaign's [optouts] path")


@optout.command("add")
@log_option
@click.argument("prefixes", nargs=-1, required=True, metavar="PREFIX...")
@click.option("--by", required=True, help="Who asked, one line.")
@click.option("--verified", default="", help="How that person was found to answer for it.")
@click.option(
    "--received",
    type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]),
    help="When the wish reached us, UTC (default: now).",
)
@click.option(
    "--erase",
    is_flag=True,
    help="Forget what is kept about it, too: now in this data directory, and with each "
    "`survey purge` wherever its plans name this log.",
)
@outgoing_option
@click.pass_context
def add_command(  # noqa: PLR0917 - one parameter per option
    ctx: click.Context,
    log: Path,
    prefixes: tuple[str, ...],
    by: str,
    verified: str,
    received: datetime | None,
    erase: bool,  # noqa: FBT001 - a flag
    outgoing: Path,
) -> None:
    """Opt addresses or CIDR prefixes out; never taken back, applied before it is verified."""
    now = datetime.now(UTC)
    asked = received.replace(tzinfo=UTC) if received else now
    ranges = tuple(prefix_range(text) for text in prefixes)
    after = add(log, ranges, by, verified, asked, now, erase=erase)
    say(f"{log}: entry {after.version}; {after.ranges.size:,} addresses are opted out in all")
    if erase:
        erase_now(settings_of(ctx), RangeSet.of(ranges), outgoing)


@optout.command("list")
@log_option
@json_option
def list_command(log: Path, *, as_json: bool) -> None:
    """All wishes, oldest first."""
    entries = read_log(log).entries
    if as_json:
        document(entries)
        return
    table(
        ("added", "by", "verified", "ranges"),
        ((entry.added_at, entry.by, entry.verified, _ranges(entry)) for entry in entries),
    )


@optout.command("check")
@log_option
@click.argument("ip", metavar="IP")
@json_option
def check_command(log: Path, ip: str, *, as_json: bool) -> None:
    """Whether an address is opted out, and by which entries."""
    try:
        number = parse_ip(ip)
    except ValueError as error:
        raise ConfigError("IP", "", f"{ip!r} is no IPv4 address", "such as 192.0.2.7") from error
    entries = [
        entry for entry in read_log(log).entries if any(number in part for part in entry.ranges)
    ]
    if as_json:
        document({"ip": ip, "opted_out": bool(entries), "entries": entries})
    elif entries:
        for entry in entries:
            say(f"{ip} is opted out since {entry.added_at:%Y-%m-%d %H:%M} UTC, by {entry.by}")
    else:
        say(f"{ip} is not opted out")


def _ranges(entry: OptOut) -> str:
    return ", ".join(f"{format_ip(part.start)}-{format_ip(part.end)}" for part in entry.ranges)
