"""The rows as one table, for a workbook and for analysts."""

from typing import Any

from survey.reports.feeds.row import Row

COLUMNS = (
    ("last_seen", "last observation, UTC"),
    ("first_seen", "first observation in the run, UTC"),
    ("report", "kind of report"),
    ("severity", "high: mail was shown to go through; else medium"),
    ("ip", "tested address"),
    ("port", "TCP port"),
    ("hostname", "its own name, shown to resolve to the address"),
    ("tag", "what it spoke"),
    ("asn", "autonomous system"),
    ("network", "name of the network"),
    ("geo", "ISO 3166-1 code"),
    ("probe", "which test found it"),
    ("rung", "how far up the ladder of proof"),
    ("rule", "published id of the rule that decided"),
    ("confidence", "0 to 100, by the rung"),
    ("egress_ip", "address from which it reached our canary, if it is yours to see"),
    ("egress_elsewhere", "it came out at an address that is not yours to see"),
    ("banner", r"what the server said first; all but printable ASCII as \xNN"),
    ("software", "what answered"),
    ("software_version", "its version as it says"),
    ("advice_url", "how to close it"),
    ("finding_id", "the same in every file"),
    ("open_since", "first proof of the exposure that it belongs to, UTC"),
    ("days_open", "whole days from then to the last observation"),
    ("case", "number under which its operator was written to in your name"),
    ("listings", "public databases that name it, with semicolons between"),
)
"""Name and meaning of each column; new ones go to the end."""


def cells(row: Row) -> tuple[Any, ...]:
    """One row's values in the order of ``COLUMNS``; None where nothing is known."""
    return (
        row.last_seen,
        row.first_seen,
        row.report.value,
        row.severity,
        row.ip,
        row.port,
        row.hostname or None,
        row.tag,
        row.asn,
        row.network or None,
        row.geo or None,
        row.probe,
        row.rung,
        row.rule,
        row.confidence,
        row.egress_ip or None,
        row.egress_elsewhere,
        row.banner or None,
        row.software or None,
        row.software_version or None,
        row.advice_url,
        str(row.id),
        row.open_since,
        row.days_open,
        row.case or None,
        "; ".join(row.listings) or None,
    )
