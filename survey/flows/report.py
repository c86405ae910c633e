"""From a judged run to one agency's report: its page and its list, for its jurisdiction only."""

from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from survey.analysis.jurisdiction import View, view
from survey.errors import StorageError
from survey.model.agency import Agency
from survey.model.assignment import Receipt
from survey.model.language import choose_language
from survey.model.plan import Plan
from survey.reports.figures import Coverage, Figures, Source
from survey.reports.hosts import hosts_name, render_hosts
from survey.reports.languages import written
from survey.reports.render import render_page
from survey.settings import Settings
from survey.storage.agencies import find_agency
from survey.storage.audit import record
from survey.storage.files import replace_text
from survey.storage.layout import Layout
from survey.storage.manifest import read_manifest
from survey.storage.registries import Snapshot
from survey.storage.runs import find_run
from survey.targets.optouts import read_log
from survey.targets.plan import load_plan, plan_hash


@dataclass(frozen=True, slots=True)
class ReportFiles:
    """A report that was made, and its counts.

    Attributes:
        agency: Agency id.
        campaign: Campaign id.
        run: Run id.
        language: Language of the page (BCP 47).
        page: The HTML page.
        hosts: The CSV list.
        open: Open servers in it.
        suspected: Suspected servers.
        tested: Addresses tested in the jurisdiction.
    """

    agency: str
    campaign: str
    run: str
    language: str
    page: Path
    hosts: Path
    open: int
    suspected: int
    tested: int


def make_report(
    settings: Settings,
    agency_id: str,
    period: str,
    *,
    campaign: str | None = None,
    language: str | None = None,
    now: datetime | None = None,
) -> ReportFiles:
    """Make the report of one agency for one run (``period``), replacing an earlier one.

    The audit line is on disk before the files are.

    Raises:
        ConfigError: There is no such agency or run, or the registries it needs were missing.
        StorageError: The run is not judged yet, or a table is damaged.
        GateClosedError: The opt-out log can't be read, so nobody knows who must be left out.
    """
    moment = now or datetime.now(UTC)
    layout = Layout(settings.data)
    agency = find_agency(settings.agencies, agency_id)
    owner = find_run(layout, period, campaign)
    run = layout.run(owner, period)
    if not (run.findings.is_file() and run.hosts.is_file()):
        raise StorageError(f"{run.root}: has no verdicts yet; judge the run first")
    plan = load_plan(run.plan)
    chosen = choose_language((language,) if language else agency.languages, written())
    optouts = read_log(Path(plan.optouts)).ranges
    receipts = read_manifest(run).receipts()
    with view(layout, plan, agency.jurisdiction, optouts) as seen:
        figures = _figures(agency, plan, seen, receipts, moment)
        page = render_page(figures, chosen)
        hosts = render_hosts(seen.servers())
    record(layout, "report", f"agency={agency.id} campaign={owner} run={period}", now=moment)
    folder = layout.report(agency.id, period)
    replace_text(folder / "report.html", page)
    with_hosts = folder / figures.hosts_file
    replace_text(with_hosts, hosts)
    return ReportFiles(
        agency=agency.id,
        campaign=owner,
        run=period,
        language=chosen,
        page=folder / "report.html",
        hosts=with_hosts,
        open=figures.open,
        suspected=figures.suspected,
        tested=figures.tested,
    )


def _figures(
    agency: Agency, plan: Plan, seen: View, receipts: tuple[Receipt, ...], now: datetime
) -> Figures:
    networks = seen.networks()
    return Figures(
        agency=agency,
        campaign=plan.campaign,
        run=plan.run,
        operator=plan.identity.operator,
        contact=plan.identity.contact,
        page=plan.identity.page,
        open=sum(line.open for line in networks),
        relays=sum(line.relays for line in networks),
        proxies=sum(line.proxies for line in networks),
        suspected=sum(line.suspected for line in networks),
        answering=sum(line.answering for line in networks),
        tested=seen.tested.size,
        networks=networks,
        probes=seen.probes(),
        rungs=seen.rungs(),
        coverage=_coverage(plan, receipts),
        sources=tuple(map(_source, seen.registries.every)),
        plan_hash=plan_hash(plan),
        hosts_file=hosts_name(agency, plan.run),
        version=version("survey"),
        generated_at=now,
    )


def _coverage(plan: Plan, receipts: tuple[Receipt, ...]) -> Coverage:
    return Coverage(
        shards=plan.shards,
        committed=len(receipts),
        planned=sum(one.planned for one in receipts),
        sent=sum(one.sent for one in receipts),
        excluded=sum(one.excluded for one in receipts),
        opted_out=sum(one.opted_out for one in receipts),
        accepted=sum(one.open for one in receipts),
        refused=sum(one.refused for one in receipts),
        silent=sum(one.silent for one in receipts),
        unreachable=sum(one.unreachable for one in receipts),
        excluded_addresses=plan.excluded,
        started_at=min((one.started_at for one in receipts), default=None),
        finished_at=max((one.finished_at for one in receipts), default=None),
    )


def _source(snapshot: Snapshot) -> Source:
    licence = f" ({snapshot.licence})" if snapshot.licence else ""
    return Source(
        snapshot.kind.value, snapshot.id, f"{snapshot.source}{licence}", snapshot.attribution
    )
