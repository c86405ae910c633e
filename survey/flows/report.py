"""From judged runs to one agency's report: page, PDF, summary, list; of its own part only."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from survey.analysis.jurisdiction import view
from survey.flows.feeds import Written, about, write_feeds
from survey.flows.report_figures import gather, told
from survey.flows.report_known import cases_told, known_of
from survey.flows.report_runs import find_subject
from survey.model.delivery import Audience, Format
from survey.model.language import choose_language
from survey.reports.compose import compose
from survey.reports.document import Document
from survey.reports.hosts import render_hosts
from survey.reports.languages import speak, written
from survey.reports.pdf import render_pdf
from survey.reports.render import render_page
from survey.reports.summary import compose_summary
from survey.settings import Settings
from survey.storage.agencies import find_agency
from survey.storage.audit import record
from survey.storage.files import replace_bytes, replace_text
from survey.storage.layout import Layout
from survey.storage.manifest import read_manifest
from survey.targets.optouts import read_log


@dataclass(frozen=True, slots=True)
class ReportFiles:
    """A report that was made, and its counts.

    Attributes:
        agency: Agency id.
        campaign: Campaign id.
        run: Run id.
        period: What it covers, ``2026-W48`` or ``2026-11``.
        language: Language of page and PDF (BCP 47).
        page: The HTML page.
        pdf: The same as PDF, or None if the agency has none.
        summary: The public summary, as page and as PDF; empty if the agency has none.
        hosts: The CSV list.
        open: Open servers in it.
        suspected: Suspected servers.
        tested: Addresses tested in the jurisdiction.
    """

    agency: str
    campaign: str
    run: str
    period: str
    language: str
    page: Path
    pdf: Path | None
    summary: tuple[Path, ...]
    hosts: Path
    open: int
    suspected: int
    tested: int

    @property
    def for_people(self) -> tuple[Path, ...]:
        """Pages and PDFs."""
        return (self.page, *((self.pdf,) if self.pdf else ()), *self.summary)


def make_report(
    settings: Settings,
    agency_id: str,
    period: str,
    *,
    campaign: str | None = None,
    language: str | None = None,
    now: datetime | None = None,
) -> ReportFiles:
    """Make the report of one agency for one run or one of its periods, replacing an earlier one.

    The audit line is on disk before the files are.

    Args:
        settings: Where data and agencies are.
        agency_id: Whose report.
        period: A run's id, or a week (``2026-W48``) or month (``2026-11``) of its calendar.
        campaign: Campaign id, if several have such a run.
        language: Instead of the agency's own first language.
        now: When it is made.

    Raises:
        ConfigError: There is no such agency or run, or the registries it needs were missing.
        StorageError: The run is not judged yet, or a table is damaged.
        GateClosedError: The opt-out log can't be read, so nobody knows who must be left out.
    """
    moment = now or datetime.now(UTC)
    layout = Layout(settings.data)
    agency = find_agency(settings.agencies, agency_id)
    subject = find_subject(settings, agency, period, campaign)
    plan = subject.plan
    chosen = choose_language((language,) if language else agency.languages, written())
    words = speak(chosen, ZoneInfo(agency.time_zone))
    optouts = read_log(Path(plan.optouts)).ranges
    receipts = read_manifest(layout.run(plan.campaign, plan.run)).receipts()
    with view(layout, plan, agency.jurisdiction, optouts) as seen:
        figures = gather(layout, agency, subject, seen, receipts, now=moment)
        servers, tested, opted_out = seen.servers(), seen.tested.size, seen.opted_out
        cases = cases_told(told(layout, plan.campaign), agency.id)
        known = known_of(layout, seen, servers, cases, subject.ended.at.date())
    asked = f"agency={agency.id} campaign={plan.campaign} run={plan.run}"
    record(layout, "report", asked, now=moment)
    folder = layout.report(agency.id, period)
    as_pdf = Format.PDF in agency.formats
    report = compose(words, figures)
    made = _write(folder, "report", report, as_pdf=as_pdf)
    summary: tuple[Path, ...] = ()
    if Audience.PUBLIC in agency.audiences:
        summary = _write(folder, "summary", compose_summary(words, figures), as_pdf=as_pdf)
    with_hosts = folder / figures.hosts_file
    replace_text(with_hosts, render_hosts(servers, known))
    pages = [
        Written(path, Format.PDF if path.suffix == ".pdf" else Format.HTML, None)
        for path in (*made, *summary)
    ]
    write_feeds(
        folder,
        about(agency, plan, receipts, moment),
        servers,
        [*pages, Written(with_hosts, Format.CSV, len(servers))],
        tested=tested,
        opted_out=opted_out,
        known=known,
    )
    return ReportFiles(
        agency=agency.id,
        campaign=plan.campaign,
        run=plan.run,
        period=str(subject.period),
        language=chosen,
        page=made[0],
        pdf=made[1] if as_pdf else None,
        summary=summary,
        hosts=with_hosts,
        open=figures.open,
        suspected=figures.suspected,
        tested=figures.tested,
    )


def _write(folder: Path, name: str, document: Document, *, as_pdf: bool) -> tuple[Path, ...]:
    page, pdf = folder / f"{name}.html", folder / f"{name}.pdf"
    replace_text(page, render_page(document))
    if not as_pdf:
        return (page,)
    replace_bytes(pdf, render_pdf(document))
    return page, pdf
