"""CSV files that tools made for Shadowserver's reports read: its names, its columns, then ours.

Source: reports.json of Shadowserver's report_schema (2026-03-24).  Columns that a reader does not
know are safe: IntelMQ puts them below ``extra``.  Cells are as they are, also where a spreadsheet
would run one: this file is for machines, the workbook is for people.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import astuple, fields

from survey.reports.feeds.about import About
from survey.reports.feeds.row import HttpReply, Report, Row

HEAD = (
    "timestamp",
    "severity",
    "ip",
    "protocol",
    "port",
    "hostname",
    "tag",
    "asn",
    "geo",
    "region",
    "city",
    "naics",
    "hostname_source",
    "sector",
)
"""What every report of Shadowserver's begins with."""

HTTP = tuple(field.name for field in fields(HttpReply))
"""What follows in ``scan_http_proxy``."""

OURS = (
    "egress_ip",
    "egress_elsewhere",
    "first_seen",
    "confidence",
    "probe",
    "rung",
    "rule",
    "network",
    "banner",
    "software",
    "software_version",
    "advice_url",
    "finding_id",
    "open_since",
    "days_open",
    "case",
    "listings",
)
"""What we add at the end of all of them; new ones go to the end."""


def columns(report: Report) -> tuple[str, ...]:
    """The header of one report."""
    return (*HEAD, *(HTTP if report is Report.HTTP_PROXY else ()), *OURS)


def shadowserver_files(about: About, rows: Sequence[Row]) -> Iterator[tuple[str, int, bytes]]:
    """Name, rows and bytes of each report; one without rows is a header: nothing was found."""
    for report in Report:
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(columns(report))
        own = [row for row in rows if row.report is report]
        writer.writerows(map(_cells, own))
        yield about.file(report.value, "csv"), len(own), text.getvalue().encode()


def _cells(row: Row) -> tuple[str, ...]:
    return (
        f"{row.last_seen:%Y-%m-%d %H:%M:%S}",
        row.severity,
        row.ip,
        "tcp",
        str(row.port),
        row.hostname,
        row.tag,
        "" if row.asn is None else str(row.asn),
        row.geo,
        "",
        "",
        "",
        "banner" if row.hostname else "",
        "",
        *(() if row.http is None else astuple(row.http)),
        row.egress_ip,
        "1" if row.egress_elsewhere else "",
        f"{row.first_seen:%Y-%m-%d %H:%M:%S}",
        str(row.confidence),
        row.probe,
        row.rung,
        row.rule,
        row.network,
        row.banner,
        row.software,
        row.software_version,
        row.advice_url,
        str(row.id),
        "" if row.open_since is None else f"{row.open_since:%Y-%m-%d %H:%M:%S}",
        "" if row.days_open is None else str(row.days_open),
        row.case,
        "; ".join(row.listings),
    )
