"""``survey purge``: what is past its period, and what is to be forgotten."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path

import click

from survey.cli.delivery import outgoing_option
from survey.cli.main import settings_of
from survey.cli.options import json_option
from survey.cli.screen import document, facts, say, table
from survey.errors import ConfigError, StoppedError
from survey.flows.deliver import ledger_there
from survey.flows.purge import Purge, carry_out, plan_purge, state_periods
from survey.flows.removal import Removal
from survey.flows.sharing import fetch
from survey.model.address import Range
from survey.model.retention import Retention
from survey.settings import Settings
from survey.storage.ledger import Ledger
from survey.targets.ranges import RangeSet, parse_cidr


@click.command()
@click.argument(
    "campaigns",
    nargs=-1,
    metavar="[CAMPAIGN.toml...]",
    type=click.Path(path_type=Path, dir_okay=False),
)
@click.option("--yes", is_flag=True, help="Do it; without it, only say what would go.")
@click.option(
    "--erase",
    "prefixes",
    multiple=True,
    metavar="PREFIX",
    help="Forget these addresses, too, besides those whose opt-out asked for it.",
)
@click.option(
    "--log",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="SURVEY_OPTOUTS",
    help="The opt-out log (SURVEY_OPTOUTS), if it does not lie where the plans say.",
)
@outgoing_option
@json_option
@click.pass_context
def purge(  # noqa: PLR0917 - one parameter per option
    ctx: click.Context,
    campaigns: tuple[Path, ...],
    yes: bool,  # noqa: FBT001 - a flag
    prefixes: tuple[str, ...],
    log: Path | None,
    outgoing: Path,
    as_json: bool,  # noqa: FBT001 - a flag
) -> None:
    """Say what is past its period and what is to be forgotten; with --yes, take it away.

    Periods are those of each campaign's [retention] as it was last planned; name campaign files to
    use what they say now.  Counts stay.  May be killed and run again at any time.
    """
    settings = settings_of(ctx)
    forget = RangeSet.of(prefix_range(text) for text in prefixes)
    if not yes:
        fetch(settings)
    with _ledger(settings, outgoing) as ledger:
        plan = partial(
            plan_purge, settings, campaigns=campaigns, forget=forget, optouts=log, ledger=ledger
        )
        if yes:
            state_periods(settings, campaigns)
            done = carry_out(settings, plan, lambda _: None)
        else:
            done = plan()
    _show(done, as_json=as_json, done=yes)
    if done.left:
        raise StoppedError(
            f"{sum(one.rows for one in done.left):,} rows are being worked on by a scan or a "
            "canary; run it again when that has ended"
        )


def erase_now(settings: Settings, forget: RangeSet, outgoing: Path) -> None:
    """Forget some addresses in this data directory, if there is one."""
    if not settings.url and not settings.data.is_dir():
        say(f"{settings.data}: no data here; run `survey purge --yes` where they are")
        return
    with _ledger(settings, outgoing) as ledger:
        plan = partial(plan_purge, settings, forget=forget, only_erasure=True, ledger=ledger)
        done = carry_out(settings, plan, lambda _: None)
    _show(done, as_json=False, done=True)
    if done.left:
        raise StoppedError(
            "opted out, but not all is forgotten: a scan or a canary works on it; run "
            "`survey purge --yes` when that has ended"
        )


@contextmanager
def _ledger(settings: Settings, outgoing: Path) -> Iterator[Ledger | None]:
    """Where cases and letters are, if there are any."""
    ledger = ledger_there(settings, outgoing.absolute())
    try:
        yield ledger
    finally:
        if ledger is not None:
            ledger.close()


def prefix_range(text: str) -> Range:
    """The range that a person's CIDR or address means.

    Raises:
        ConfigError: It is neither.
    """
    try:
        return parse_cidr(text)
    except ValueError as error:
        raise ConfigError(
            "PREFIX", "", f"{text!r} is no address or CIDR", "such as 192.0.2.0/24"
        ) from error


def _show(one: Purge, *, as_json: bool, done: bool) -> None:
    if as_json:
        document(
            {
                "done": done,
                "removals": [_content(removal) for removal in one.removals],
                "left": [_content(removal) for removal in one.left],
                "periods": one.periods,
                "strangers": one.strangers,
                "plans": one.plans,
            }
        )
        return
    if one.removals:
        table(
            ("table", "why", "where", "files", "rows"),
            (
                (gone.table, gone.why, gone.where, str(gone.files), f"{gone.rows:,}")
                for gone in one.removals
            ),
        )
    counts: Counter[str] = Counter()
    for gone in one.removals:
        counts[gone.why] += gone.rows
    lines = [
        (f"{'gone' if done else 'would go'}: {why}", f"{n:,} rows") for why, n in counts.items()
    ]
    lines += [(name, _days(keep)) for name, keep in sorted(one.periods.items())]
    if lines:
        facts(lines)
    _remark(one)
    if not one.removals:
        say("nothing is past its period or to be forgotten")
    elif not done:
        say("nothing was touched; `survey purge --yes` does it")


def _remark(one: Purge) -> None:
    for name in (name for name, keep in one.periods.items() if keep is None):
        say(
            f"{name}: never said how long its rows are kept, so they stay, and so does what all "
            "campaigns share; name its campaign file"
        )
    for path in one.unread:
        say(f"{path}: can't be read here, so nobody knows who asked to be forgotten; name --log")
    for path in one.plans:
        say(f"{path}: stays, although an address to forget is the edge of one of its ranges")
    for path in one.strangers:
        say(f"{path}: is none of ours and has no period; look at it")


def _content(one: Removal) -> dict[str, object]:
    return {
        "table": one.table,
        "why": one.why,
        "where": one.where,
        "files": one.files,
        "rows": one.rows,
    }


def _days(keep: Retention | None) -> str:
    if keep is None:
        return "no periods"
    return "days: " + ", ".join(f"{name} {days}" for name, days in asdict(keep).items())
