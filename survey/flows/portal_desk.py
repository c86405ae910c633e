"""Behind the agencies' portal: reports from the disk, findings and cases cut to a jurisdiction.

Every answer has its line in the audit log before it is given: which key, when, what.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa

from survey.errors import GateClosedError, StorageError, SurveyError
from survey.flows.portal_cases import CaseStock, answer_sheet, case_page, case_sheet, take_stock
from survey.flows.portal_optouts import optout_sheet
from survey.flows.portal_own import Own, Owns
from survey.flows.portal_reports import Reports
from survey.flows.portal_rows import finding_rows
from survey.flows.report_runs import judged_runs
from survey.flows.runs import all_runs, newest_run
from survey.model.address import format_ip
from survey.model.agency import Agency
from survey.model.delivery import Audience
from survey.model.plan import Plan
from survey.model.portal import PortalKey, Scope
from survey.portal.desk import (
    AnswerSheet,
    CaseRow,
    CaseSheet,
    FileBody,
    Findings,
    NotReadyError,
    OptOutSheet,
    Page,
    Question,
    Reader,
    ReportSheet,
)
from survey.settings import Settings
from survey.storage.audit import record
from survey.storage.layout import Layout
from survey.storage.ledger import Ledger
from survey.storage.portal_keys import PortalKeys
from survey.targets.optouts import OptOuts

_TECHNICAL = {Scope.FEEDS, Scope.CASES, Scope.QUERY}
"""Scopes that show single hosts: for agencies that have technical readers."""
_WISHED = timedelta(days=366)


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
        log = Path(newest_run(settings, campaign).optouts)
        self._owns = Owns(settings, log)
        self._reports = Reports(self._layout, campaign, log)
        self._standing = self._stock()

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
        return self._reports.page(reader, self._agency(reader), question)

    def file(self, reader: Reader, period: str, name: str) -> FileBody | None:
        """One file of a report that the key opens; none that names who opted out since."""
        self._note(reader, "portal file", f"period={period} file={name}")
        return self._reports.file(reader, self._agency(reader), period, name, self._log())

    def findings(self, reader: Reader, question: Question) -> Findings | None:
        """Open findings of a judged run."""
        standing = self._standing
        plan = standing.plans.get(question.run) if question.run else standing.newest
        asked = plan.run if plan else question.run
        self._note(reader, "portal findings", _filter(question, asked))
        if plan is None:
            if question.run:
                return None
            raise NotReadyError
        own = self._own(self._agency(reader), plan)
        servers, further = own.page(question)
        return Findings(plan.run, Page(tuple(finding_rows(servers, plan, self._page)), further))

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
        return optout_sheet(own, self._log())

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

    def _stock(self) -> _Standing:
        plans = [one for one in all_runs(self._settings) if one.campaign == self._campaign]
        judged = judged_runs(self._layout, plans, self._campaign)
        by_run = {plan.run: plan for plan in plans}
        cases = take_stock(self._ledger, self._campaign, self._now() - _WISHED)
        return _Standing(by_run[judged[-1].run] if judged else None, by_run, cases)


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
