"""``survey findings``, ``exposure`` and ``sql``: the results, as tables or JSON."""

from pathlib import Path
from typing import Any

import click
import pyarrow as pa

from survey.analysis.notebook import open as open_survey
from survey.cli.main import settings_of
from survey.cli.missed import missed_text
from survey.cli.options import campaign_argument, json_option, run_option
from survey.cli.screen import document, say, table
from survey.flows.judge import judge
from survey.flows.miss_rate import run_miss_rate
from survey.flows.runs import newest_run
from survey.targets.campaign import read_campaign

FINDING = (
    *("address", "port", "probe", "verdict", "rung", "rule", "exit", "software", "country"),
    *("listed by", "last_seen"),
)


@click.command()
@campaign_argument
@run_option
@click.option(
    "--verdict",
    type=click.Choice(["open", "suspected", "closed", "unknown"]),
    help="Only these (default: all).",
)
@click.option(
    "--registries",
    metavar="DAY|ID",
    multiple=True,
    help="Join all rows with the registries of this day, or with this snapshot (default: those "
    "in force on each observation's own day).",
)
@json_option
@click.pass_context
def findings(  # noqa: PLR0917 - one parameter per option
    ctx: click.Context,
    campaign: Path,
    run: str | None,
    verdict: str | None,
    registries: tuple[str, ...],
    as_json: bool,  # noqa: FBT001 - a flag
) -> None:
    """Judge a run by what has arrived until now, and show its verdicts; leaves an audit line."""
    settings = settings_of(ctx)
    plan = newest_run(settings, read_campaign(campaign).id, run)
    judged = judge(settings, plan.campaign, plan.run, registries)
    if not judged.complete:
        say(f"{plan.campaign} {plan.run}: the run is not complete, these verdicts are provisional")
    say(f"missed by one look: {missed_text(run_miss_rate(settings, plan))}")
    with open_survey(settings.data, optouts=plan.optouts) as survey:
        rows = survey.findings(plan.campaign, plan.run)
        if verdict is not None:
            rows = rows.filter(f"verdict = '{verdict}'")  # one of click's choices
        found = rows.project(
            "address AS ip, port, probe, verdict, rung, rule, peer_text(exit_ip) AS exit_ip, "
            "adds_identity, flags, "
            "variant, code, bytes_text(reply) AS reply, bytes_text(banner) AS banner, "
            "software, software_version, software_named, software_sign, host, "
            "country, registry_country, country_conflict, asn, network, holder, organisation, "
            "country_snapshot, network_snapshot, registration_snapshot, organisation_snapshot, "
            "first_seen, last_seen, proven_at, proven_by"
        ).to_arrow_table()
        by_finding = _listings(survey.listed(plan.campaign, plan.run).to_arrow_table())
    records = _records(found)
    for one in records:
        one["listings"] = by_finding.get((one["ip"], one["port"], one["probe"]), [])
    if as_json:
        document(records)
        return
    table(
        FINDING,
        (
            (
                one["ip"],
                str(one["port"]),
                one["probe"],
                one["verdict"],
                f"R{one['rung']}",
                one["rule"],
                one["exit_ip"],
                " ".join(filter(None, (one["software"], one["software_version"]))) or None,
                one["country"],
                ", ".join(entry["listing"] for entry in one["listings"]) or None,
                one["last_seen"],
            )
            for one in records
        ),
    )


@click.command()
@click.option(
    "--by",
    type=click.Choice(["country", "network", "software"]),
    default="country",
    show_default=True,
    help="What is counted.",
)
@click.option(
    "--kind",
    type=click.Choice(["any", "relay", "proxy"]),
    default="any",
    show_default=True,
    help="Which kind of openness.",
)
@click.option("--campaign", metavar="ID", help="Campaign id (default: the newest judged run's).")
@run_option
@json_option
@click.pass_context
def exposure(  # noqa: PLR0917 - one parameter per option
    ctx: click.Context,
    by: str,
    kind: str,
    campaign: str | None,
    run: str | None,
    as_json: bool,  # noqa: FBT001 - a flag
) -> None:
    """Count a run's servers per country, network or program; no single host."""
    with open_survey(settings_of(ctx).data) as survey:
        counted = survey.exposure(by, kind, campaign, run).to_arrow_table()
        sources = survey.sources(campaign, run).fetchall()
    _show(counted, as_json=as_json)
    for said, source, licence, attribution in sources:
        say(f"{said}: {attribution or source} ({licence})")


@click.command()
@click.argument("question", metavar="SELECT")
@click.option(
    "--rows",
    type=click.IntRange(1, 10_000_000),
    default=1000,
    show_default=True,
    help="At most so many rows.",
)
@click.option(
    "--seconds",
    type=click.FloatRange(0.1, 3600),
    default=60.0,
    show_default=True,
    help="At most so long.",
)
@json_option
@click.pass_context
def sql(ctx: click.Context, question: str, rows: int, seconds: float, *, as_json: bool) -> None:
    """Ask the tables one SELECT, read-only; leaves an audit line (docs/data-dictionary.md)."""
    with open_survey(settings_of(ctx).data) as survey:
        answer = survey.table(question, rows=rows, seconds=seconds)
    _show(answer, as_json=as_json)
    if answer.num_rows == rows:
        say(f"cut after {rows:,} rows; --rows N for more")


def _listings(listed: pa.Table) -> dict[tuple[str, int, str], list[dict[str, Any]]]:
    """The listings of each finding, by name: which, and since when it is known to be listed."""
    found: dict[tuple[str, int, str], list[dict[str, Any]]] = {}
    for one in _records(listed):
        entry = {"listing": one["listing"], "since": one["known_since"]}
        found.setdefault((one["address"], one["port"], one["probe"]), []).append(entry)
    return found


def _show(answer: pa.Table, *, as_json: bool) -> None:
    records = _records(answer)
    if as_json:
        document(records)
    else:
        table(answer.column_names, ([*record.values()] for record in records))


def _records(answer: pa.Table) -> list[dict[str, Any]]:
    return answer.to_pylist()  # type: ignore[no-any-return]  # pyarrow has no types here
