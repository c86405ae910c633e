"""``survey effect``: did the letters help?"""

from pathlib import Path

import click

from survey.analysis.notebook import open as open_survey
from survey.cli.main import settings_of
from survey.cli.options import campaign_argument, json_option
from survey.cli.screen import document, say, table
from survey.flows.lifecycle import trace
from survey.targets.campaign import read_campaign

ARMS: tuple[str, ...] = (
    *("compared", "arm", "drawn", "sent", "delivered", "bounced"),
    *("cases", "exposures", "closed"),
)
SHARES: tuple[str, ...] = (
    *("compared", "arm", "against", "days", "cases", "cases_against", "closed", "against_closed"),
    *("difference", "difference_low", "difference_high", "log_rank_apart", "log_rank"),
)


@click.command()
@campaign_argument
@click.option(
    "--agency", metavar="ID", help="Only this agency's cases (default: all, each within itself)."
)
@click.option(
    "--public",
    is_flag=True,
    help="Fit to be published: after 30 days only, no counts of letters, small cells left out.",
)
@json_option
@click.pass_context
def effect(
    ctx: click.Context,
    /,
    campaign: Path,
    agency: str | None,
    *,
    public: bool,
    as_json: bool,
) -> None:
    """Compare cases that were told with those that the lot made wait, and arms of letters.

    Judges what changed since it was judged.  Nobody waits unless an agency signed it; what is
    counted, and what the difference means after 30 and 90 days, is in docs/experiments.md.
    """
    settings = settings_of(ctx)
    id_ = read_campaign(campaign).id
    trace(settings, id_)
    with open_survey(settings.data) as survey:
        shares = survey.effect(id_, agency, public=public).to_arrow_table().to_pylist()
        arms = [] if public else survey.arms(id_, agency).to_arrow_table().to_pylist()
    if as_json:
        document({"differences": shares} if public else {"arms": arms, "differences": shares})
        return
    if not shares:
        say("no case was drawn by lot; an agency signs it in its file (docs/experiments.md)")
        return
    if arms:
        table(ARMS, ([row[name] for name in ARMS] for row in arms))
        click.echo()
    table(SHARES, ([row[name] for name in SHARES] for row in shares))
