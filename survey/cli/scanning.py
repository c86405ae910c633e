"""``survey plan``, ``scan`` and ``status``: freeze a run, carry it out, see how it stands."""

from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from survey.cli.live import again, figures
from survey.cli.main import settings_of
from survey.cli.missed import missed_text
from survey.cli.options import campaign_argument, json_option, run_option
from survey.cli.screen import document, facts, say
from survey.cli.watching import watch_options, watching
from survey.cli.workers import executor_for, executor_options
from survey.errors import StorageError
from survey.flows.control import read_status
from survey.flows.followups import FollowUpStatus, followups_of
from survey.flows.identity import unseen_of_plan
from survey.flows.miss_rate import miss_rate
from survey.flows.plan import plan_run
from survey.flows.runs import newest_run
from survey.flows.scan import ScanSummary
from survey.flows.scan import scan as run_scan
from survey.model.discovery import DiscoveryPlan, Method
from survey.targets.campaign import read_campaign
from survey.targets.plan import plan_hash
from survey.targets.summary import Summary


@click.command()
@campaign_argument
@run_option
@click.option(
    "--offline", is_flag=True, help="Don't look whether a survey's identity can be seen from here."
)
@json_option
@click.pass_context
def plan(
    ctx: click.Context, campaign: Path, run: str | None, *, offline: bool, as_json: bool
) -> None:
    """Check a campaign and freeze its next run; nothing is sent to a target."""
    planned = plan_run(campaign, settings_of(ctx), run)
    unseen = () if offline else unseen_of_plan(planned.plan)
    summary = replace(planned.summary, missing=(*planned.summary.missing, *unseen))
    if as_json:
        document(summary)
        return
    print_summary(summary)
    say(f"{'resumes' if planned.resumed else 'frozen'}: {planned.path}")


@click.command()
@campaign_argument
@run_option
@executor_options
@watch_options
@json_option
@click.pass_context
def scan(
    ctx: click.Context,
    /,
    campaign: Path,
    run: str | None,
    *,
    progress: Path | None,
    metrics: str | None,
    as_json: bool,
    **where: Any,
) -> None:
    """Run a campaign, or resume its unfinished run; Ctrl-C stops cleanly (exit code 3)."""
    settings = settings_of(ctx)
    planned = plan_run(campaign, settings, run)
    for line in planned.summary.missing:
        say(f"missing: {line}")
    say(
        f"{planned.plan.campaign} {planned.plan.run}: {planned.summary.targets:,} targets"
        f"{', resumed' if planned.resumed else ''}"
    )
    with watching(progress, metrics) as show:
        summary = run_scan(
            planned.plan,
            plan_hash(planned.plan),
            settings,
            executor_for(settings, **where),
            show,
        )
    if as_json:
        document(summary)
    else:
        print_scan(summary)


@click.command()
@campaign_argument
@run_option
@json_option
@click.pass_context
def status(ctx: click.Context, campaign: Path, run: str | None, *, as_json: bool) -> None:
    """How far a run is, as its coordinator last wrote it down."""
    settings = settings_of(ctx)
    stored = newest_run(settings, read_campaign(campaign).id, run)
    standing = read_status(settings, stored)
    if standing is None:
        raise StorageError(f"{stored.campaign} {stored.run}: planned, never scanned")
    later = followups_of(settings, stored, datetime.now(UTC))
    if as_json:
        document(asdict(standing) | {"followups": asdict(later)})
        return
    facts(
        [
            ("run", f"{stored.campaign} {stored.run}"),
            (
                "state",
                f"{standing.state}: {standing.reason}" if standing.reason else standing.state,
            ),
            ("targets", f"{standing.done:,} of {standing.planned:,}"),
            ("packets/s", f"{standing.rate:,.0f} of at most {standing.cap:,}"),
            ("shards", f"{standing.committed:,} of {standing.shards:,}"),
            *figures(standing),
            ("time left", duration(standing.eta)),
            ("follow-ups", _waiting(later)),
        ]
    )
    if later.unfinished is not None:
        one = later.unfinished
        say(
            f"a round of follow-ups is {one.state}: {one.done:,} of {one.planned:,} targets, "
            f"shards {one.committed:,} of {one.shards:,}"
        )


def _waiting(later: FollowUpStatus) -> str:
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in sorted(later.reasons.items()))
    next_at = f", the next at {later.next_at:%Y-%m-%d %H:%M:%S} UTC" if later.next_at else ""
    return (
        f"{later.waiting:,} wait{f' ({reasons})' if reasons else ''}, {later.due:,} due now"
        f"{next_at}; {later.rounds:,} rounds done"
    )


def print_summary(summary: Summary) -> None:
    """A plan in figures."""
    facts(
        [
            ("run", f"{summary.campaign} {summary.run} ({summary.kind})"),
            ("plan", summary.plan_hash),
            ("addresses", summary.addresses),
            ("ports", ", ".join(str(port) for port in summary.ports)),
            ("targets", summary.targets),
            ("open ports by", _way_of_finding(summary.discovery)),
            *((f"taken out: {why}", count) for why, count in summary.excluded_by),
            ("opted out now", summary.opted_out),
            ("cap", f"{summary.packets_per_second:,} packets/s"),
            ("speed", f"{summary.targets_per_second:,.0f} targets/s on this space"),
            (
                "shards",
                (
                    f"{summary.shards:,} of {summary.shard_addresses:,} addresses, "
                    f"{summary.slots} at a time"
                ),
            ),
            ("discovery takes", f"about {duration(summary.seconds)}, conversations come on top"),
            *(("registry", snapshot) for snapshot in summary.snapshots),
            *(("missing", line) for line in summary.missing),
        ]
    )


def print_scan(summary: ScanSummary) -> None:
    """What a whole run did."""
    facts(
        [
            (
                "targets",
                (
                    f"{summary.planned:,} planned = {summary.sent:,} sent + "
                    f"{summary.excluded:,} excluded + {summary.opted_out:,} opted out"
                ),
            ),
            (
                "answers",
                (
                    f"{summary.open:,} open, {summary.refused:,} refused, "
                    f"{summary.silent:,} silent, {summary.unreachable:,} unreachable"
                ),
            ),
            ("missed by one look", missed_text(miss_rate([summary]))),
            *_unused_answers(summary),
            ("conversations", summary.conversations),
            ("observations", summary.observations),
            ("packets", summary.packets),
            ("shards", summary.shards),
            ("handed out again", again(summary.retries, summary.repeated)),
            ("took", duration(summary.seconds)),
        ]
    )


def _unused_answers(summary: ScanSummary) -> list[tuple[str, str]]:
    """What SYN discovery heard and could not use; nothing if it heard nothing of the kind."""
    if not (summary.late or summary.strange or summary.dropped):
        return []
    counts = f"{summary.late:,} late, {summary.strange:,} strange, {summary.dropped:,} lost"
    return [("answers not used", counts)]


def _way_of_finding(said: DiscoveryPlan) -> str:
    if said.method is Method.IMPORT:
        return (
            f"imported: {said.imported:,} open targets; not taken: {said.not_planned:,} not in "
            f"the plan, {said.repeated:,} told again, {said.not_open:,} not open"
        )
    if said.method is Method.SYN:
        first, last = said.source_ports
        leaving = f" through {said.interface}" if said.interface else ""
        return f"raw SYNs{leaving} from ports {first} to {last}"
    return "connect()"


def duration(seconds: float | None) -> str:
    """Seconds as a person reads them."""
    return "unknown" if seconds is None else str(timedelta(seconds=round(seconds)))
