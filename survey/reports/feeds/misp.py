"""One MISP event with an ``ip-port`` object per row, marked, not distributed further by itself."""

import json
import uuid
from collections.abc import Iterator, Sequence

from survey.reports.feeds.about import SCHEMA_VERSION, About
from survey.reports.feeds.row import Row

_SPACE = uuid.UUID("6f2d4c1e-0f5b-4d0a-9a53-3f6a8c2b7d11")
"""Names our events, objects and attributes among all (version 5 UUIDs)."""
_TEMPLATE = "9f8cea74-16fe-4968-a2b4-026676949ac6"
_TEMPLATE_VERSION = "10"
_OWN_ORGANISATION, _MEDIUM, _COMPLETED, _INHERIT = "0", "2", "2", "5"


def misp_files(about: About, rows: Sequence[Row]) -> Iterator[tuple[str, int, bytes]]:
    """The one file, as MISP imports it."""
    text = json.dumps({"Event": _event(about, rows)}, ensure_ascii=False, separators=(",", ":"))
    yield about.file("misp", "json"), len(rows), text.encode()


def _event(about: About, rows: Sequence[Row]) -> dict[str, object]:
    name = f"{about.campaign}/{about.run}/{about.agency.id}"
    return {
        "uuid": str(uuid.uuid5(_SPACE, name)),
        "info": f"Open mail relays and proxies, {about.run}, for {about.agency.id}",
        "date": f"{about.finished_at:%Y-%m-%d}",
        "timestamp": str(int(about.generated_at.timestamp())),
        "published": False,
        "threat_level_id": _MEDIUM,
        "analysis": _COMPLETED,
        "distribution": _OWN_ORGANISATION,
        "Orgc": {"name": about.operator, "uuid": str(uuid.uuid5(_SPACE, about.contact))},
        "Tag": [
            {"name": about.agency.tlp.lower()},
            {"name": 'rsit:vulnerable="vulnerable-system"'},
            {"name": f'survey:schema="{SCHEMA_VERSION}"'},
        ],
        "Attribute": [],
        "Object": [_object(row, int(about.generated_at.timestamp())) for row in rows],
    }


def _object(row: Row, now: int) -> dict[str, object]:
    first = f"{row.first_seen:%Y-%m-%dT%H:%M:%S+00:00}"
    last = f"{row.last_seen:%Y-%m-%dT%H:%M:%S+00:00}"
    facts = [
        ("ip", "ip-dst", row.ip),
        ("dst-port", "port", str(row.port)),
        ("protocol", "text", row.tag),
        ("hostname", "hostname", row.hostname),
        ("AS", "AS", "" if row.asn is None else str(row.asn)),
        ("country-code", "text", row.geo),
        ("first-seen", "datetime", first),
        ("last-seen", "datetime", last),
        ("text", "text", _text(row)),
    ]
    return {
        "uuid": str(row.id),
        "name": "ip-port",
        "meta-category": "network",
        "template_uuid": _TEMPLATE,
        "template_version": _TEMPLATE_VERSION,
        "description": row.report.identifier,
        "timestamp": str(now),
        "distribution": _INHERIT,
        "first_seen": first,
        "last_seen": last,
        "comment": row.advice_url,
        "Attribute": [
            {
                "uuid": str(uuid.uuid5(row.id, relation)),
                "object_relation": relation,
                "type": type_,
                "category": "Other" if type_ in {"text", "datetime"} else "Network activity",
                "value": value,
                # an operator's own server: to be closed, not to be blocked
                "to_ids": False,
                "disable_correlation": type_ not in {"ip-dst", "hostname"},
                "distribution": _INHERIT,
                "timestamp": str(now),
            }
            for relation, type_, value in facts
            if value
        ],
    }


def _text(row: Row) -> str:
    """All else that is known, one fact a line."""
    facts = (
        ("report", row.report.value),
        ("severity", row.severity),
        ("confidence", str(row.confidence)),
        ("probe", row.probe),
        ("rung", row.rung),
        ("rule", row.rule),
        ("egress_ip", row.egress_ip),
        ("egress_elsewhere", "1" if row.egress_elsewhere else ""),
        ("network", row.network),
        ("software", row.software),
        ("software_version", row.software_version),
        ("banner", row.banner),
        ("advice_url", row.advice_url),
    )
    return "\n".join(f"{name}: {value}" for name, value in facts if value)
