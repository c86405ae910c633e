"""IntelMQ events, one JSON object a line: IntelMQ's own JSON parser reads them without a mapping.

Names are those of the IntelMQ Data Format, 3.5; what it has no name for is below ``extra``.
"""

import json
from collections.abc import Iterator, Sequence

from survey.reports.feeds.about import SCHEMA_VERSION, About
from survey.reports.feeds.row import Row

_TLP = {"TLP:CLEAR": "WHITE", "TLP:AMBER+STRICT": "AMBER"}
"""IntelMQ 3.5 knows TLP 1.0 only."""


def intelmq_files(about: About, rows: Sequence[Row]) -> Iterator[tuple[str, int, bytes]]:
    """The one file of events."""
    lines = "".join(
        json.dumps(event(about, row), ensure_ascii=False, separators=(",", ":")) + "\n"
        for row in rows
    )
    yield about.file("intelmq", "jsonl"), len(rows), lines.encode()


def event(about: About, row: Row) -> dict[str, object]:
    """One event; what is empty is left out."""
    mark = about.agency.tlp
    said: dict[str, object] = {
        "classification.taxonomy": "vulnerable",
        "classification.type": "vulnerable-system",
        "classification.identifier": row.report.identifier,
        "severity": row.severity,
        "status": "open",
        "tlp": _TLP.get(mark, mark.removeprefix("TLP:")),
        "time.source": f"{row.last_seen:%Y-%m-%dT%H:%M:%S+00:00}",
        "source.ip": row.ip,
        "source.port": row.port,
        "source.asn": row.asn,
        "source.as_name": row.network,
        "source.geolocation.cc": row.geo,
        "source.reverse_dns": row.hostname,
        "protocol.transport": "tcp",
        "protocol.application": row.report.application,
        "feed.name": row.report.value,
        "feed.provider": about.operator,
        "feed.accuracy": float(row.confidence),
        "feed.documentation": about.page,
        "event_description.text": f"{row.report.service} open to strangers ({row.tag})",
        "event_description.url": row.advice_url,
        "extra.tag": row.tag,
        "extra.egress_ip": row.egress_ip,
        "extra.egress_elsewhere": row.egress_elsewhere or None,
        "extra.first_seen": f"{row.first_seen:%Y-%m-%d %H:%M:%S}",
        "extra.probe": row.probe,
        "extra.rung": row.rung,
        "extra.rule": row.rule,
        "extra.banner": row.banner,
        "extra.software": row.software,
        "extra.software_version": row.software_version,
        "extra.finding_id": str(row.id),
        "extra.open_since": row.open_since and f"{row.open_since:%Y-%m-%d %H:%M:%S}",
        "extra.days_open": row.days_open,
        "extra.case": row.case,
        "extra.listings": "; ".join(row.listings),
        "extra.campaign": about.campaign,
        "extra.run": about.run,
        "extra.schema_version": SCHEMA_VERSION,
    }
    return {key: value for key, value in said.items() if value not in (None, "")}
