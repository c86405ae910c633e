"""``survey findings``, ``exposure`` and ``sql``: the results, as tables or JSON."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pyarrow as pa

from survey.analysis.notebook import MEMORY
from survey.analysis.notebook import open as open_survey
from survey.cli.main import settings_of
from survey.cli.missed import missed_text
from survey.cli.options import campaign_argument, json_option, run_option
from survey.cli.screen import document, say, table
from survey.flows.judge import judge
from survey.flows.miss_rate import run_miss_rate
from survey.flows.runs import newest_run
from survey.model.address import format_ip
from survey.model.exposure import By, Every, Weakness
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
    if not judged.evidence:
        say(f"{plan.campaign} {plan.run}: its evidence is gone, its verdicts stay as they were")
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
    type=click.Choice([str(by) for by in By]),
    default="country",
    show_default=True,
    help="What is counted by.",
)
@click.option(
    "--kind",
    type=click.Choice([str(kind) for kind in Weakness]),
    default="any",
    show_default=True,
    help="Which kind of openness.",
)
@click.option("--country", metavar="CC", help="Only what is in this country (ISO code).")
@click.option("--campaign", metavar="ID", help="Campaign id (default: the newest judged run's).")
@run_option
@click.option("--changes", is_flag=True, help="Beside the period before; what got worse first.")
@click.option("--trend", is_flag=True, help="Every period, oldest first.")
@click.option(
    "--every",
    type=click.Choice([str(every) for every in Every]),
    default="month",
    show_default=True,
    help="How long a period is, for --changes and --trend; its last judged run counts.",
)
@click.option("--period", metavar="2026-11", help="With --changes: which (default: the newest).")
@click.option("--public", is_flag=True, help="Fit to be published: small cells are left out.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="At most so many rows.")
@json_option
@click.pass_context
def exposure(  # noqa: PLR0917 - one parameter per option
    ctx: click.Context,
    by: str,
    kind: str,
    country: str | None,
    campaign: str | None,
    run: str | None,
    changes: bool,  # noqa: FBT001 - a flag
    trend: bool,  # noqa: FBT001 - a flag
    every: str,
    period: str | None,
    public: bool,  # noqa: FBT001 - a flag
    limit: int | None,
    as_json: bool,  # noqa: FBT001 - a flag
) -> None:
    """Count servers per country, network, holder, program ...; compare periods (docs/exposure.md).

    Without --changes or --trend: one run.  No single host is named.
    """
    if changes + trend + public > 1 or (run and (changes or trend)) or (period and not changes):
        raise click.UsageError(
            "--changes, --trend and --public exclude each other; --run stands without the first "
            "two, --period with --changes"
        )
    with open_survey(settings_of(ctx).data) as survey:
        if changes:
            answer = survey.changes(by, kind, every, period, campaign=campaign, country=country)
        elif trend:
            answer = survey.trend(by, kind, every, campaign=campaign, country=country)
        else:
            answer = survey.exposure(by, kind, campaign, run, country=country, public=public)
        counted = (answer.limit(limit) if limit else answer).to_arrow_table()
        sources = survey.sources(campaign, run).fetchall()
    _show(counted, as_json=as_json)
    for said, source, licence, attribution in sources:
        if said != "population" or "people" in counted.column_names:
            say(f"{said}: {attribution or source} ({licence})")


@click.command()
@click.argument("question", metavar="SELECT", required=False)
@click.option("--tables", is_flag=True, help="Show which tables there are.")
@click.option("--columns", metavar="TABLE", help="Show what the columns of a table mean.")
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
@click.option(
    "--memory", metavar="SIZE", default=MEMORY, show_default=True, help="At most so much memory."
)
@click.option(
    "--threads", type=click.IntRange(1, 256), help="At most so many cores (default: all)."
)
@json_option
@click.pass_context
def sql(  # noqa: PLR0917 - one parameter per option
    ctx: click.Context,
    question: str | None,
    tables: bool,  # noqa: FBT001 - a flag
    columns: str | None,
    rows: int,
    seconds: float,
    memory: str,
    threads: int | None,
    as_json: bool,  # noqa: FBT001 - a flag
) -> None:
    """Ask the tables one SELECT, read-only; leaves an audit line (docs/questions.md)."""
    if sum((question is not None, tables, columns is not None)) != 1:
        raise click.UsageError("give one SELECT, or --tables, or --columns TABLE")
    with open_survey(settings_of(ctx).data, memory=memory, threads=threads) as survey:
        if tables:
            answer = survey.tables().to_arrow_table()
        elif columns is not None:
            answer = survey.columns(columns).to_arrow_table()
        else:
            assert question is not None
            answer = survey.table(question, rows=rows, seconds=seconds)
    _show(answer, as_json=as_json)
    if question is not None and answer.num_rows == rows:
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
        table(answer.column_names, (_spelt(record) for record in records))


def _spelt(record: dict[str, Any]) -> list[object]:
    """A row's values; numbers that are names, without commas."""
    return [
        _NAMES[name](value) if name in _NAMES and value is not None else value
        for name, value in record.items()
    ]


_NAMES: dict[str, Callable[[Any], str]] = {
    "asn": str,
    "port": str,
    "year": str,
    "block": lambda block: f"{format_ip(block)}/24",
}


def _records(answer: pa.Table) -> list[dict[str, Any]]:
    return answer.to_pylist()  # type: ignore[no-any-return]  # pyarrow has no types here
