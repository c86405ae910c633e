"""``survey episodes``: what became of the open servers, from run to run."""

from pathlib import Path
from typing import Any

import click

from survey.analysis.notebook import open as open_survey
from survey.cli.main import settings_of
from survey.cli.options import campaign_argument, json_option
from survey.cli.screen import document, facts, table
from survey.flows.lifecycle import trace
from survey.model.episode import Part, Span
from survey.targets.campaign import read_campaign

BALANCE: tuple[str, ...] = (
    *("period", "part", "network", "open_at_start", "new", "regressed", "fixed", "lost"),
    "open_at_end",
)
SHARES: tuple[str, ...] = (
    *("part", "network", "episodes", "fixed", "median_days_least", "median_days"),
    *(f"closed_{days}" for days in (7, 14, 30, 90)),
)
CHURN: tuple[str, ...] = (
    "asn",
    "network",
    "episodes",
    "short_share",
    "replaced_share",
    "lost",
    "moved",
)
WAYS = ("balance", "closure", "churn", "list")


@click.command()
@campaign_argument
@click.option(
    "--show",
    type=click.Choice(WAYS),
    default="balance",
    show_default=True,
    help="The balance of each period, shares closed in time, networks dominated by churn, or each "
    "episode with its address (leaves an audit line).",
)
@click.option(
    "--by",
    type=click.Choice([str(part) for part in Part]),
    default=str(Part.ALL),
    show_default=True,
    help="What balance and closure are counted by.",
)
@click.option(
    "--span",
    type=click.Choice([str(span) for span in Span]),
    default=str(Span.RUN),
    show_default=True,
    help="Periods of the balance.",
)
@click.option(
    "--known",
    is_flag=True,
    help="Date ends in the balance when they were known (second negative check), so that a "
    "period that is over never changes.",
)
@json_option
@click.pass_context
def episodes(
    ctx: click.Context,
    /,
    campaign: Path,
    show: str,
    by: str,
    span: str,
    *,
    known: bool,
    as_json: bool,
) -> None:
    """Follow a campaign's exposures across its runs, and say what became of them.

    Judges what changed since it was judged.  New, regressed, persistent, fixed, lost: what each
    means, and what is never taken for a fix, is in docs/lifecycle.md.
    """
    settings = settings_of(ctx)
    id_ = read_campaign(campaign).id
    summary = trace(settings, id_)
    columns: tuple[str, ...] = ()
    with open_survey(settings.data) as survey:
        if show == "balance":
            columns, rows = BALANCE, survey.balance(by=by, span=span, known=known, campaign=id_)
        elif show == "closure":
            columns, rows = SHARES, survey.closure(by=by, campaign=id_)
        elif show == "churn":
            columns, rows = CHURN, survey.churn(campaign=id_).filter("churn_dominated")
        else:
            rows = survey.episodes(campaign=id_).project("* EXCLUDE (ip, exit_ip)")
        found: list[dict[str, Any]] = rows.to_arrow_table().to_pylist()
    if as_json:
        document(found)
        return
    facts(
        [
            ("campaign", f"{summary.campaign}, {summary.runs} runs, {summary.judged} judged anew"),
            ("episodes", ", ".join(f"{count:,} {name}" for name, count in summary.states.items())),
            ("as of", summary.as_of),
            ("second checks queued", summary.confirmations),
        ]
    )
    shown = columns or tuple(found[0] if found else ())
    table(shown, ([one[name] for name in shown] for one in found))
