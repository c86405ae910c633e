"""XARF 4.2 reports, one JSON object a line, of category vulnerability, type open_service.

Source: xarf-spec 4.2.0.  Built here and not by the ``xarf`` package, which puts its own time into a
report and refuses a confidence that is no whole number; its schemas judge ours in the tests.
"""

import base64
import hashlib
import json
from collections.abc import Iterator, Sequence

from survey.reports.feeds.about import SCHEMA_VERSION, About
from survey.reports.feeds.row import Row

VERSION = "4.2.0"
_ORG = 200
"""Longest name of an organisation that the schema takes."""


def xarf_files(about: About, rows: Sequence[Row]) -> Iterator[tuple[str, int, bytes]]:
    """The one file of reports."""
    lines = "".join(
        json.dumps(report(about, row), ensure_ascii=False, separators=(",", ":")) + "\n"
        for row in rows
    )
    yield about.file("xarf", "jsonl"), len(rows), lines.encode()


def report(about: About, row: Row) -> dict[str, object]:
    """One report."""
    party = {"org": about.operator[:_ORG], "contact": about.contact, "domain": about.domain}
    said: dict[str, object] = {
        "xarf_version": VERSION,
        "report_id": str(row.id),
        "timestamp": f"{row.last_seen:%Y-%m-%dT%H:%M:%SZ}",
        "reporter": party,
        "sender": party,
        "source_identifier": row.ip,
        "source_port": row.port,
        "category": "vulnerability",
        "type": "open_service",
        "service": row.report.service,
        "evidence_source": "vulnerability_scan",
        "confidence": row.confidence / 100,
        "description": f"{row.report.service} open to strangers ({row.tag}), "
        f"proven by what reached our own server. How to close it: {row.advice_url}",
        "tags": [
            f"severity:{row.severity}",
            f"probe:{row.probe}",
            f"rung:{row.rung.lower()}",
            about.agency.tlp.lower(),
            f"survey:schema-{SCHEMA_VERSION.replace('.', '-')}",
        ],
        "first_seen": f"{row.first_seen:%Y-%m-%dT%H:%M:%SZ}",
        "rule": row.rule,
        "advice_url": row.advice_url,
        "asn": row.asn,
        "network": row.network,
        "country": row.geo,
        "hostname": row.hostname,
        "egress_ip": row.egress_ip,
        "egress_elsewhere": row.egress_elsewhere or None,
        "software": row.software,
        "software_version": row.software_version,
    }
    if row.banner:
        banner = row.banner.encode()
        said["evidence"] = [
            {
                "content_type": "text/plain",
                "description": r"What the server said first; all but printable ASCII as \xNN",
                "payload": base64.b64encode(banner).decode(),
                "hash": f"sha256:{hashlib.sha256(banner).hexdigest()}",
                "size": len(banner),
            }
        ]
    return {key: value for key, value in said.items() if value not in (None, "")}
