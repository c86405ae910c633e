"""``survey retest``: follow-ups that are due, or one address at once."""

import re
from pathlib import Path
from typing import Any

import click

from survey.cli.delivery import outgoing_option
from survey.cli.live import Live
from survey.cli.main import settings_of
from survey.cli.options import json_option
from survey.cli.scanning import duration
from survey.cli.screen import document, facts, say
from survey.cli.workers import executor_for, executor_options
from survey.errors import ConfigError
from survey.flows.deliver import ledger_there
from survey.flows.followups import followups_of
from survey.flows.retest import RetestSummary, Target, retest_due, retest_targets, utc_now
from survey.flows.runs import all_runs
from survey.model.address import parse_ip
from survey.model.plan import Plan
from survey.model.probe import Probe
from survey.settings import Settings
from survey.storage.audit import record
from survey.storage.cases import Cases
from survey.storage.layout import Layout
from survey.targets.ranges import RangeSet

_TARGET = re.compile(r"([0-9.]{7,15})(?::([0-9]{1,5}))?(?:/([a-z0-9_]+))?")


@click.command()
@click.argument("target", metavar="[IP[:PORT][/PROBE]]", required=False)
@click.option("--due", is_flag=True, help="Every follow-up that is due, in any run.")
@click.option("--case", "number", metavar="N", help="All that a case has, since its operator asks.")
@click.option("--campaign", metavar="ID", help="Only this campaign (default: all).")
@click.option("--run", metavar="ID", help="Only this run (with a target: the newest that has it).")
@outgoing_option
@executor_options
@json_option
@click.pass_context
def retest(
    ctx: click.Context,
    /,
    target: str | None,
    number: str | None,
    campaign: str | None,
    run: str | None,
    *,
    outgoing: Path,
    due: bool,
    as_json: bool,
    **where: Any,
) -> None:
    """Make the later tests that are due, or test an address, or all of a case, again now.

    Ctrl-C stops cleanly (exit code 3); the same command resumes what was begun.
    """
    one = target is not None or number is not None
    if (not one and not due and run is None) or (one and due) or (target and number):
        raise click.UsageError(
            "give --due or --run ID, or one target such as 192.0.2.7:25, or --case N"
        )
    settings = settings_of(ctx)
    plans = [
        plan
        for plan in all_runs(settings)
        if campaign in {None, plan.campaign} and run in {None, plan.run}
    ]
    executor = executor_for(settings, **where)
    summaries = []
    for plan, targets in _asked_for(settings, outgoing.absolute(), plans, target, number):
        with Live() as live:
            summaries.append(retest_targets(settings, plan, targets, executor, live.show))
    newest = {plan.campaign: plan.run for plan in plans}  # they come oldest first
    for plan in () if one else plans:
        if newest[plan.campaign] != plan.run and not has_work(settings, plan):
            continue
        if plan.valid_until is not None and plan.valid_until <= utc_now():
            say(f"{plan.campaign} {plan.run}: its authority has ended, nothing more is sent")
            continue
        say(f"{plan.campaign} {plan.run}: follow-ups")
        with Live() as live:
            summaries.append(retest_due(settings, plan, executor, live.show))
    if as_json:
        document(summaries)
        return
    for summary in summaries:
        print_retest(summary)
    if not summaries:
        say("no run has anything to do")


def _asked_for(
    settings: Settings, outgoing: Path, plans: list[Plan], target: str | None, number: str | None
) -> list[tuple[Plan, list[Target]]]:
    """One target, or all of a case; nothing if neither was named."""
    if target is not None:
        wanted = parse_target(target)
        return [(newest_with(plans, wanted, target), [wanted])]
    if number is not None:
        return targets_of_case(settings, outgoing, plans, number)
    return []


def targets_of_case(
    settings: Settings, outgoing: Path, plans: list[Plan], number: str
) -> list[tuple[Plan, list[Target]]]:
    """What a case has now, by the newest run that can test it; leaves an audit line.

    Raises:
        ConfigError: There is no such case, or nothing of it can be tested.
    """
    ledger = ledger_there(settings, outgoing)
    if ledger is None:
        raise ConfigError("--case", "", "there is no ledger", "begin with `survey notify plan`")
    try:
        case = Cases(ledger).get(number)
        findings = Cases(ledger).findings_of(number)
    finally:
        ledger.close()
    record(Layout(settings.data), "case retest", f"case={number}")
    mine = [plan for plan in plans if plan.campaign == case.key.campaign]
    chosen: dict[str, tuple[Plan, list[Target]]] = {}
    for ip, port in sorted({(one.ip, one.port) for one in findings}):
        target = Target(ip, port)
        plan = newest_with(mine, target, f"a server of {number}")
        chosen.setdefault(plan.run, (plan, []))[1].append(target)
    if not chosen:
        raise ConfigError("--case", "", f"{number} has nothing left", "see `survey case`")
    return list(chosen.values())


def has_work(settings: Settings, plan: Plan) -> bool:
    """Whether an older run has something to do; the newest is judged anew in any case."""
    standing = followups_of(settings, plan, utc_now())
    return standing.due > 0 or standing.unfinished is not None


def newest_with(plans: list[Plan], wanted: Target, target: str) -> Plan:
    """The newest run whose plan has the target.

    Raises:
        ConfigError: None has.
    """
    fitting = [
        plan
        for plan in plans
        if wanted.ip in RangeSet.of(plan.ranges) and wanted.port in {None, *plan.ports}
    ]
    if not fitting:
        raise ConfigError(
            "TARGET", "", f"{target} is in no plan", "only targets of a plan can be tested"
        )
    return fitting[-1]


def parse_target(text: str) -> Target:
    """What ``IP[:PORT][/PROBE]`` stands for.

    Raises:
        ConfigError: It is written otherwise.
    """
    parts = _TARGET.fullmatch(text)
    wrong = ConfigError(
        "TARGET", "", f"{text[:80]!r} won't do", "write it as 192.0.2.7:1080/socks5"
    )
    if parts is None:
        raise wrong
    ip, port, probe = parts.groups()
    try:
        return Target(
            parse_ip(ip),
            None if port is None else int(port),
            None if probe is None else Probe(probe),
        )
    except ValueError as error:
        raise wrong from error


def print_retest(summary: RetestSummary) -> None:
    """What was done, and what waits."""
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in sorted(summary.visits.items()))
    facts(
        [
            ("run", f"{summary.campaign} {summary.run}"),
            ("follow-ups made", reasons or "none"),
            (
                "targets",
                (
                    f"{summary.planned:,} planned = {summary.sent:,} sent + "
                    f"{summary.excluded:,} excluded + {summary.opted_out:,} opted out"
                ),
            ),
            ("observations", summary.observations),
            *((f"dropped: {why}", count) for why, count in sorted(summary.dropped.items())),
            ("still waiting", summary.waiting),
            ("took", duration(summary.seconds)),
        ]
    )
