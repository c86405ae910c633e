"""One STIX 2.1 bundle: per row an infrastructure of one address, and what was observed of it.

Written as JSON and not by the ``stix2`` package, which checks each object anew as it is made; it
parses what we write in the tests.  Marked by TLP 2.0, whose definitions OASIS publishes.
"""

import json
import uuid
from collections.abc import Iterator, Sequence
from typing import Any

from survey.reports.feeds.about import SCHEMA_VERSION, About
from survey.reports.feeds.row import Report, Row

_SCO = uuid.UUID("00abedb4-aa42-466c-9c01-fed23315a9b7")
"""Namespace of observables' deterministic ids (STIX 2.1 s2.9)."""
_OURS = uuid.UUID("6f2d4c1e-0f5b-4d0a-9a53-3f6a8c2b7d11")

_TLP_EXTENSION = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d"
_TLP = {
    "TLP:CLEAR": "94868c89-83c2-464b-929b-a1a8aa3c8487",
    "TLP:GREEN": "bab4a63c-aed9-4cf5-a766-dfca5abac2bb",
    "TLP:AMBER": "55d920b0-5e8b-4f79-9ee9-91f868d9b421",
    "TLP:AMBER+STRICT": "939a9414-2ddd-4d32-a0cd-375ea402b003",
    "TLP:RED": "e828b379-4e03-4974-9ac4-e53a884c97c1",
}
_TLP_CREATED = "2022-10-01T00:00:00.000Z"


def stix_files(about: About, rows: Sequence[Row]) -> Iterator[tuple[str, int, bytes]]:
    """The one bundle."""
    bundle = {
        "type": "bundle",
        "id": f"bundle--{uuid.uuid5(_OURS, f'{about.agency.id}/{about.campaign}/{about.run}')}",
        "objects": list(_objects(about, rows)),
    }
    text = json.dumps(bundle, ensure_ascii=False, separators=(",", ":"))
    yield about.file("stix", "json"), len(rows), text.encode()


def _objects(about: About, rows: Sequence[Row]) -> Iterator[dict[str, Any]]:
    mark = f"marking-definition--{_TLP[about.agency.tlp]}"
    yield {
        "type": "marking-definition",
        "spec_version": "2.1",
        "id": mark,
        "created": _TLP_CREATED,
        "name": about.agency.tlp,
        "extensions": {
            _TLP_EXTENSION: {
                "extension_type": "property-extension",
                "tlp_2_0": about.agency.tlp.removeprefix("TLP:").lower(),
            }
        },
    }
    made = f"{about.generated_at:%Y-%m-%dT%H:%M:%S.000Z}"
    identity = f"identity--{uuid.uuid5(_OURS, about.contact)}"
    own = {
        "spec_version": "2.1",
        "created": made,
        "modified": made,
        "created_by_ref": identity,
        "object_marking_refs": [mark],
    }
    yield {
        "type": "identity",
        "id": identity,
        **{key: value for key, value in own.items() if key != "created_by_ref"},
        "name": about.operator,
        "identity_class": "organization",
        "contact_information": about.contact,
    }
    told: set[str] = set()
    for row in rows:
        for part in _row(row, own):
            if part["id"] not in told:  # an address or network may stand in several rows
                told.add(part["id"])
                yield part


def _row(row: Row, own: dict[str, Any]) -> Iterator[dict[str, Any]]:
    mark = {"spec_version": "2.1", "object_marking_refs": own["object_marking_refs"]}
    address: dict[str, Any] = {"type": "ipv4-addr", "id": _sco("ipv4-addr", value=row.ip)}
    address |= {**mark, "value": row.ip}
    if row.asn is not None:
        network = {"type": "autonomous-system", "id": _sco("autonomous-system", number=row.asn)}
        yield {**network, **mark, "number": row.asn} | (
            {"name": row.network} if row.network else {}
        )
        address["belongs_to_refs"] = [network["id"]]
    yield address
    protocols = ["ipv4", "tcp", row.report.application]
    traffic = _sco("network-traffic", dst_ref=address["id"], dst_port=row.port, protocols=protocols)
    yield {
        "type": "network-traffic",
        "id": traffic,
        **mark,
        "dst_ref": address["id"],
        "dst_port": row.port,
        "protocols": protocols,
    }
    first = f"{row.first_seen:%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z"
    last = f"{row.last_seen:%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z"
    infrastructure = f"infrastructure--{row.id}"
    relay = row.report is Report.SMTP_RELAY
    yield {
        "type": "infrastructure",
        "id": infrastructure,
        **own,
        "name": f"{row.report.service} {row.ip}:{row.port} ({row.tag})",
        "infrastructure_types": ["open-mail-relay" if relay else "anonymization"],
        "first_seen": first,
        "last_seen": last,
        "confidence": row.confidence,
        "labels": _labels(row),
        "external_references": [{"source_name": "how to close it", "url": row.advice_url}],
        **({"description": f"What it said first: {row.banner}"} if row.banner else {}),
    }
    yield {
        "type": "relationship",
        "id": f"relationship--{uuid.uuid5(row.id, 'consists-of')}",
        **own,
        "relationship_type": "consists-of",
        "source_ref": infrastructure,
        "target_ref": address["id"],
    }
    yield {
        "type": "observed-data",
        "id": f"observed-data--{uuid.uuid5(row.id, 'observed')}",
        **own,
        "first_observed": first,
        "last_observed": last,
        "number_observed": 1,
        "object_refs": [address["id"], traffic],
    }


def _labels(row: Row) -> list[str]:
    facts = (
        ("report", row.report.value),
        ("severity", row.severity),
        ("probe", row.probe),
        ("rung", row.rung),
        ("rule", row.rule),
        ("country", row.geo),
        ("hostname", row.hostname),
        ("egress-ip", row.egress_ip),
        ("egress-elsewhere", "1" if row.egress_elsewhere else ""),
        ("software", row.software),
        ("software-version", row.software_version),
        ("schema", SCHEMA_VERSION),
    )
    return [f"{name}:{value}" for name, value in facts if value]


def _sco(type_: str, **contributing: Any) -> str:
    """The id that everybody gives this observable (STIX 2.1 s2.9, RFC 8785 for plain values)."""
    name = json.dumps(contributing, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return f"{type_}--{uuid.uuid5(_SCO, name)}"
