"""Behind the agencies' portal: reports from the disk, findings and cases cut to a jurisdiction.

Every answer has its line in the audit log before it is given: which key, when, what.
"""

import ipaddress
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa

from survey.errors import GateClosedError, StorageError, SurveyError
from survey.flows.deliver import check_optouts
from survey.flows.dispatches import Report, read_report
from survey.flows.portal_cases import CaseStock, answer_sheet, case_page, case_sheet, take_stock
from survey.flows.portal_own import Own, Owns, after
from survey.flows.report_runs import judged_runs
from survey.flows.runs import all_runs, newest_run
from survey.model.address import Range, format_ip
from survey.model.agency import Agency
from survey.model.delivery import Audience
from survey.model.exposure import OpenServer
from survey.model.plan import Plan
from survey.model.portal import PortalKey, Scope
from survey.portal.asked import RUN
from survey.portal.desk import (
    AnswerSheet,
    CaseRow,
    CaseSheet,
    FileBody,
    FindingRow,
    Findings,
    Month,
    NotReadyError,
    OptOutSheet,
    Page,
    Question,
    Reader,
    ReportFile,
    ReportSheet,
    WithdrawnError,
)
from survey.reports.feeds.manifest import Entry, read_file
from survey.reports.feeds.row import make_rows
from survey.settings import Settings
from survey.storage.audit import record
from survey.storage.layout import Layout
from survey.storage.ledger import Ledger
from survey.storage.portal_keys import PortalKeys
from survey.targets.optouts import OptOuts
from survey.targets.ranges import RangeSet

_TECHNICAL = {Scope.FEEDS, Scope.CASES, Scope.QUERY}
"""Scopes that show single hosts: for agencies that have technical readers."""
_WISHED = timedelta(days=366)
_BLOCK = 24
_PREFIXES = 1000


def utc_now() -> datetime:
    """The time of day."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class _Standing:
    """What is read again from time to time.

    Attributes:
        newest: The newest judged run, or None.
        plans: All runs by id.
        cases: All cases.
    """

    newest: Plan | None
    plans: dict[str, Plan]
    cases: CaseStock


class PortalDesk:
    """The desk of one campaign; its cases are as old as its last ``refresh``."""

    def __init__(
        self,
        settings: Settings,
        ledger: Ledger,
        campaign: str,
        page: str,
        *,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._settings, self._ledger, self._campaign = settings, ledger, campaign
        self._page, self._now = page, now
        self._layout = Layout(settings.data)
        self._keys = PortalKeys(ledger)
        self._owns = Owns(settings, Path(newest_run(settings, campaign).optouts))
        self._standing = self._stock()
        self._checked: dict[tuple[str, int], bool] = {}

    def refresh(self) -> None:
        """Read runs and cases again.

        Raises:
            SurveyError: A table or the ledger can't be read; what was known before stays.
        """
        self._standing = self._stock()

    def reader(self, text: str) -> Reader | None:
        """Who shows this key, if it opens anything now."""
        return self._reader(self._keys.find(text))

    def reader_of(self, id_: str) -> Reader | None:
        """Who has the key of that id, if it opens anything now."""
        return self._reader(self._keys.get(id_))

    def refused(self, reader: Reader, what: str) -> None:
        """Somebody asked for what the key does not open."""
        self._note(reader, f"portal {what}", "refused: not of the key's scopes")

    def noted(self, reader: Reader, what: str) -> None:
        """A person logged in, or a program asked what its key is."""
        self._note(reader, f"portal {what}", "")

    def reports(self, reader: Reader, question: Question) -> Page[ReportSheet]:
        """The agency's reports of the campaign, the newest period first."""
        self._note(reader, "portal reports", f"after={question.after or '-'}")
        agency = self._agency(reader)
        found: list[ReportSheet] = []
        for name in self._periods(agency):
            if question.after and name >= question.after:
                continue
            report = self._report(agency, name)
            if report is None:
                continue
            if len(found) == question.limit:
                return Page(tuple(found), found[-1].period)
            found.append(_sheet(report, reader))
        return Page(tuple(found), "")

    def file(self, reader: Reader, period: str, name: str) -> FileBody | None:
        """One file of a report that the key opens; none that names who opted out since."""
        self._note(reader, "portal file", f"period={period} file={name}")
        agency = self._agency(reader)
        if period not in self._periods(agency):
            return None
        report = self._report(agency, period)
        entry = report and next((one for one in report.entries if one.name == name), None)
        if not report or not entry or not _opens(reader, entry):
            return None
        self._check(report)
        try:
            data = read_file(report.folder, entry)
        except StorageError as error:
            raise NotReadyError from error
        return FileBody(entry.name, entry.media_type, data)

    def findings(self, reader: Reader, question: Question) -> Findings | None:
        """Open findings of a judged run."""
        standing = self._standing
        plan = standing.plans.get(question.run) if question.run else standing.newest
        if plan is None:
            if question.run:
                return None
            raise NotReadyError
        self._note(reader, "portal findings", _filter(question, plan.run))
        own = self._own(self._agency(reader), plan)
        rows: list[OpenServer] = []
        further = ""
        for server in own.asked(question):
            if len(rows) == question.limit:
                further = after(rows[-1])
                break
            rows.append(server)
        return Findings(plan.run, Page(tuple(self._rows(rows, plan)), further))

    def cases(self, reader: Reader, question: Question) -> Page[CaseRow]:
        """Cases by number."""
        self._note(reader, "portal cases", _filter(question, None))
        agency = self._agency(reader)
        return case_page(self._standing.cases, agency, self._members(agency), question)

    def case(self, reader: Reader, number: str) -> CaseSheet | None:
        """One case, if anything of it lies in the jurisdiction."""
        self._note(reader, "portal case", f"case={number}")
        agency = self._agency(reader)
        members = self._members(agency)
        return case_sheet(self._standing.cases, self._ledger, agency, members, number)

    def optouts(self, reader: Reader) -> OptOutSheet:
        """Who is not tested any more, as counts and whole networks."""
        self._note(reader, "portal opt-outs", "")
        plan = self._standing.newest
        if plan is None:
            raise NotReadyError
        own = self._own(self._agency(reader), plan)
        return _optouts(own, self._log())

    def answers(self, reader: Reader) -> AnswerSheet:
        """What came of the letters, as counts."""
        self._note(reader, "portal answers", "")
        agency = self._agency(reader)
        return answer_sheet(self._standing.cases, agency, self._members(agency))

    def _reader(self, key: PortalKey | None) -> Reader | None:
        now = self._now()
        if key is None or not key.opens(now):
            return None
        agency = self._owns.agency(key.agency)
        if agency is None:
            return None
        self._keys.used(key, now)
        if Audience.TECHNICAL not in agency.audiences:
            key = replace(key, scopes=key.scopes - _TECHNICAL)
        return Reader(key, agency.name, agency.languages, agency.tlp)

    def _agency(self, reader: Reader) -> Agency:
        agency = self._owns.agency(reader.key.agency)
        if agency is None:
            raise NotReadyError
        return agency

    def _note(self, reader: Reader, what: str, asked: str) -> None:
        who = f"portal key {reader.key.id}"
        filter_ = f"agency={reader.key.agency} {asked}".strip()
        try:
            record(self._layout, what, filter_, who=who, now=self._now())
        except StorageError as error:
            raise NotReadyError from error

    def _own(self, agency: Agency, plan: Plan) -> Own:
        addresses = self._standing.cases.addresses.get(plan.run, frozenset())
        try:
            return self._owns.own(agency, plan, addresses)
        except (SurveyError, duckdb.Error, pa.ArrowException, OSError) as error:
            raise NotReadyError from error

    def _members(self, agency: Agency) -> Callable[[str], frozenset[int]]:
        """For one question: which addresses of a run's cases are the agency's."""
        known: dict[str, frozenset[int]] = {}

        def members(run: str) -> frozenset[int]:
            if run not in known:
                plan = self._standing.plans.get(run)
                known[run] = frozenset()
                if plan is not None and self._layout.run(plan.campaign, run).hosts.is_file():
                    known[run] = self._own(agency, plan).members
            return known[run]

        return members

    def _log(self) -> OptOuts:
        try:
            return self._owns.optouts()
        except GateClosedError as error:
            raise NotReadyError from error

    def _periods(self, agency: Agency) -> list[str]:
        """Names of the report folders there are, the last first."""
        folder = self._layout.report(agency.id, "x").parent
        if not folder.is_dir():
            return []
        names = (one.name for one in folder.iterdir() if one.is_dir())
        return sorted((name for name in names if re.fullmatch(RUN, name)), reverse=True)

    def _report(self, agency: Agency, period: str) -> Report | None:
        """A whole report of the campaign; one that is being made is none yet."""
        try:
            report = read_report(agency, period, self._layout.report(agency.id, period))
        except (StorageError, ValueError, KeyError, OSError):
            return None
        return report if report.campaign == self._campaign else None

    def _check(self, report: Report) -> None:
        out = self._log()
        key = report.sha256, out.version
        if key not in self._checked:
            plan = self._standing.plans.get(report.run) or self._standing.newest
            if plan is None:
                raise NotReadyError
            try:
                check_optouts(Path(plan.optouts), report)
                self._checked[key] = True
            except GateClosedError as error:
                raise NotReadyError from error
            except StorageError:
                self._checked[key] = False
        if not self._checked[key]:
            raise WithdrawnError

    def _rows(self, servers: list[OpenServer], plan: Plan) -> Iterator[FindingRow]:
        for row in make_rows(servers, plan.campaign, plan.run, self._page):
            yield FindingRow(
                id=str(row.id),
                ip=row.ip,
                port=row.port,
                probe=row.probe,
                rung=row.rung,
                rule=row.rule,
                confidence=row.confidence,
                severity=row.severity,
                first_seen=row.first_seen,
                last_seen=row.last_seen,
                hostname=row.hostname,
                asn=row.asn,
                network=row.network,
                country=row.geo,
                egress_ip=row.egress_ip,
                egress_elsewhere=row.egress_elsewhere,
                banner=row.banner,
                software=row.software,
                software_version=row.software_version,
                advice_url=row.advice_url,
            )

    def _stock(self) -> _Standing:
        plans = [one for one in all_runs(self._settings) if one.campaign == self._campaign]
        judged = judged_runs(self._layout, plans, self._campaign)
        by_run = {plan.run: plan for plan in plans}
        cases = take_stock(self._ledger, self._campaign, self._now() - _WISHED)
        return _Standing(by_run[judged[-1].run] if judged else None, by_run, cases)


def _opens(reader: Reader, entry: Entry) -> bool:
    """Whether the key opens a file: pages are of one scope, lists of another."""
    wanted = Scope.FEEDS if entry.format.names_hosts else Scope.REPORTS
    return wanted in reader.key.scopes


def _sheet(report: Report, reader: Reader) -> ReportSheet:
    said = json.loads(report.manifest)
    return ReportSheet(
        period=report.period,
        run=report.run,
        generated_at=report.generated_at,
        addresses_tested=said["addresses_tested"],
        addresses_opted_out=said["addresses_opted_out"],
        files=tuple(
            ReportFile(
                one.name,
                one.format.value,
                one.media_type,
                one.rows,
                one.bytes,
                one.sha256,
                one.format.names_hosts,
            )
            for one in report.entries
            if _opens(reader, one)
        ),
    )


def _filter(question: Question, run: str | None) -> str:
    """What was asked, as it stands in the audit log."""
    parts = [f"run={run}"] if run else []
    parts += [
        f"addresses={format_ip(part.start)}-{format_ip(part.end)}"
        for part in question.addresses or ()
    ]
    named = (
        ("asn", question.asn),
        ("port", question.port),
        ("probe", question.probe),
        ("state", question.state),
        ("limit", question.limit),
    )
    return " ".join([*parts, *(f"{name}={value}" for name, value in named if value is not None)])


def _optouts(own: Own, log: OptOuts) -> OptOutSheet:
    """Counts; a part as large as a whole /24 is named, since it is no single host."""
    out = own.territory & log.ranges
    prefixes = [one for part in out.ranges for one in _blocks(part)]
    wishes: Counter[str] = Counter()
    addresses: Counter[str] = Counter()
    for entry in log.entries:
        size = (RangeSet.of(entry.ranges) & own.territory).size
        if size:
            month = f"{entry.added_at.astimezone(UTC):%Y-%m}"
            wishes[month] += 1
            addresses[month] += size
    return OptOutSheet(
        addresses=out.size,
        of_newest_run=own.of_run,
        prefixes=tuple(str(one) for one in prefixes[:_PREFIXES]),
        elsewhere=out.size - sum(one.num_addresses for one in prefixes[:_PREFIXES]),
        months=tuple(Month(one, wishes[one], addresses[one]) for one in sorted(wishes)),
    )


def _blocks(part: Range) -> Iterator[ipaddress.IPv4Network]:
    first, last = ipaddress.IPv4Address(part.start), ipaddress.IPv4Address(part.end)
    for network in ipaddress.summarize_address_range(first, last):
        if network.prefixlen <= _BLOCK:
            yield network
