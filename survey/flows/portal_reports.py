"""An agency's reports as they lie on the disk; none that names who opted out since it was made."""

import json
import re
from pathlib import Path

from survey.errors import GateClosedError, StorageError
from survey.flows.deliver import check_optouts
from survey.flows.dispatches import Report, read_report
from survey.model.agency import Agency
from survey.model.portal import Scope
from survey.portal.asked import RUN
from survey.portal.desk import (
    FileBody,
    NotReadyError,
    Page,
    Question,
    Reader,
    ReportFile,
    ReportSheet,
    WithdrawnError,
)
from survey.reports.feeds.manifest import Entry, read_file
from survey.storage.layout import Layout
from survey.targets.optouts import OptOuts


class Reports:
    """The reports of one campaign; ``log`` is the opt-out log of its runs."""

    def __init__(self, layout: Layout, campaign: str, log: Path) -> None:
        self._layout, self._campaign, self._log = layout, campaign, log
        self._checked: dict[str, tuple[int, bool]] = {}

    def page(self, reader: Reader, agency: Agency, question: Question) -> Page[ReportSheet]:
        """The newest period first, behind the question's ``after``."""
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

    def file(
        self, reader: Reader, agency: Agency, period: str, name: str, out: OptOuts
    ) -> FileBody | None:
        """One file that the key opens; ``out``: who opted out by now.

        Raises:
            WithdrawnError: The report names somebody who opted out since.
            NotReadyError: The file is not the one that the manifest names.
        """
        if period not in self._periods(agency):
            return None
        report = self._report(agency, period)
        entry = report and next((one for one in report.entries if one.name == name), None)
        if not report or not entry or not _opens(reader, entry):
            return None
        if not self._may_be_told(report, out):
            raise WithdrawnError
        try:
            data = read_file(report.folder, entry)
        except StorageError as error:
            raise NotReadyError from error
        return FileBody(entry.name, entry.media_type, data)

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

    def _may_be_told(self, report: Report, out: OptOuts) -> bool:
        """As deliveries have it; looked at once for each report and state of the log."""
        known = self._checked.get(report.sha256)
        if known is None or known[0] != out.version:
            try:
                check_optouts(self._log, report)
                known = out.version, True
            except GateClosedError as error:
                raise NotReadyError from error
            except StorageError:
                known = out.version, False
            self._checked[report.sha256] = known
        return known[1]


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
