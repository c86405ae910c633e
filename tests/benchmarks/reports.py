"""Reports for 40 agencies over a million findings: page, PDF, public summary, list, each its own.

Ours is what the weekly job does once a run is judged.  No peer makes such reports; ours stands
beside the five minutes that it may take on two cores.
"""

import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from survey.analysis.judged_with import Tally
from survey.enrichment.snapshots import import_snapshot
from survey.flows.report import make_report
from survey.model.address import Range, format_ip
from survey.settings import Settings
from survey.storage.layout import Layout
from survey.storage.registries import SnapshotKind
from survey.storage.schemas import FINDINGS, HOSTS
from survey.targets.plan import plan_to_json
from tests.benchmarks.plans import loopback_plan
from tests.benchmarks.result import Result, rss_mb

FIRST = 0x7F100000
STEP = 8
ALLOWED = 300.0
"""Seconds for 40 agencies."""
COUNTRIES = (
    *("AR", "AU", "BE", "BR", "CA", "CH", "CL", "CO", "CZ", "DE", "DK", "EC", "EG", "ES"),
    *("FI", "FR", "GB", "GR", "HU", "ID", "IE", "IN", "IT", "JP", "KR", "LT", "MA", "MX"),
    *("MY", "NL", "NO", "NZ", "PE", "PL", "PT", "RO", "SE", "TR", "UA", "US"),
)
LANGUAGES = ("ar", "de", "en", "es", "fr", "it", "ja", "pt", "uk", "zh")
RUNS = ("2026-W47", "2026-W48")


@dataclass(frozen=True, slots=True)
class Size:
    """How much there is: findings of each run, and agencies."""

    findings: int
    agencies: int


FULL, SMALL = Size(1_000_000, 40), Size(4_000, 2)

# one finding a host; every fifth is open; each block of 1,000 hosts lies in one country and network
PLACED = {
    "campaign": "'benchmark'",
    "run": "$run",
    "ip": f"({FIRST} + i * {STEP})::UINTEGER",
    "country": "$countries[(i // 1000) % $agencies + 1]",
    "asn": "(64512 + (i // 1000) % 400)::UINTEGER",
    "network": "'Network ' || ((i // 1000) % 400)",
    "country_snapshot": "$country_snapshot",
    "network_snapshot": "$network_snapshot",
}
FOUND = {
    "port": "1080::USMALLINT",
    "probe": "'socks5'",
    "verdict": "CASE i % 5 WHEN $shift THEN 'open' WHEN 3 THEN 'unknown' ELSE 'closed' END",
    "rung": "CASE WHEN i % 5 = $shift THEN 6 ELSE 2 END::UTINYINT",
    "rule": "'tunnel.mail'",
    "flags": "[]::VARCHAR[]",
    "first_seen": "$at::TIMESTAMPTZ",
    "last_seen": "$at::TIMESTAMPTZ",
    "variant": "'echo'",
    "reply": r"'\x05\x00'::BLOB",
    "banner": r"'\x05\x00'::BLOB",
    "software": "['dante', 'microsocks', '3proxy', NULL][i % 4 + 1]",
}
STOOD = {
    "rung": FOUND["rung"],
    "verdict": FOUND["verdict"],
    "proxy": FOUND["verdict"],
    "proxy_rung": FOUND["rung"],
}


def run(*, small: bool = False) -> Iterator[Result]:
    """Seconds for all agencies."""
    size = SMALL if small else FULL
    with tempfile.TemporaryDirectory(prefix="survey-benchmark-") as folder:
        settings = _make(Path(folder), size)
        began, cpu = time.monotonic(), time.process_time()
        opened = [
            make_report(settings, path.stem, RUNS[-1]).open
            for path in sorted(settings.agencies.glob("*.toml"))
        ]
        took, used = time.monotonic() - began, time.process_time() - cpu
    assert sum(opened) == size.findings // 5, (sum(opened), size)
    allowed = ALLOWED * size.agencies / FULL.agencies
    yield Result(
        f"reports_of_{len(opened)}_agencies",
        "s",
        round(took, 2),
        "what it may take",
        allowed,
        round(allowed / took, 2),
        round(used, 2),
        0.0,
        rss_mb(),
    )


def _make(folder: Path, size: Size) -> Settings:
    """Two judged runs, registries, agencies."""
    settings = Settings(folder / "data", folder / "keys", folder / "agencies")
    layout = Layout(settings.data)
    codes = COUNTRIES[: size.agencies]
    country = _import(layout, folder, SnapshotKind.COUNTRY, size, codes)
    network = _import(layout, folder, SnapshotKind.NETWORK, size, codes)
    last = FIRST + size.findings * STEP - 1
    begun = datetime(2026, 11, 17, 6, tzinfo=UTC)
    plan = loopback_plan(folder, (Range(FIRST, last),), (1080,))
    for number, run_id in enumerate(RUNS):
        at = begun + timedelta(weeks=number)
        paths = layout.run(plan.campaign, run_id)
        paths.root.mkdir(parents=True)
        paths.plan.write_bytes(plan_to_json(replace(plan, run=run_id, created_at=at)))
        values = {
            "run": run_id,
            "countries": list(codes),
            "agencies": size.agencies,
            "country_snapshot": country,
            "network_snapshot": network,
            "shift": number,
            "at": at,
        }
        pq.write_table(_table(FINDINGS, PLACED | FOUND, size, values), paths.findings)
        hosts = _table(HOSTS, PLACED | STOOD, size, values)
        tally = Tally()
        tally.add(hosts)
        pq.write_table(hosts.replace_schema_metadata(tally.footer()), paths.hosts)
    settings.agencies.mkdir()
    for number, code in enumerate(codes):
        _write_agency(settings.agencies, code, LANGUAGES[number % len(LANGUAGES)])
    return settings


def _table(
    schema: pa.Schema, made: dict[str, str], size: Size, values: dict[str, object]
) -> pa.Table:
    """Rows of a table of ours, by its schema of today; what is not made is null."""
    columns = ", ".join(f'{made.get(name, "NULL")} AS "{name}"' for name in schema.names)
    asked = {name: value for name, value in values.items() if f"${name}" in columns}
    with duckdb.connect() as connection:
        connection.execute("SET enable_progress_bar = false")  # it would stand among our lines
        rows = connection.sql(
            f"SELECT {columns} FROM range({size.findings}) AS t(i)",  # noqa: S608
            params=asked,
        )
        return rows.to_arrow_table().cast(schema)


def _import(
    layout: Layout, folder: Path, kind: SnapshotKind, size: Size, codes: Sequence[str]
) -> str:
    """A registry with one range for each block of 1,000 hosts; its id."""
    lines = []
    for block in range(-(-size.findings // 1000)):
        start = FIRST + block * 1000 * STEP
        end = start + 1000 * STEP - 1
        code, asn = codes[block % len(codes)], 64512 + block % 400
        if kind is SnapshotKind.COUNTRY:
            lines.append(f"{start},{end},{code}")
        else:
            lines.append(
                f"{format_ip(start)}\t{format_ip(end)}\t{asn}\t{code}\tNetwork {block % 400}"
            )
    path = folder / ("countries.csv" if kind is SnapshotKind.COUNTRY else "networks.tsv")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    seen = datetime(2026, 11, 1, tzinfo=UTC)
    return import_snapshot(layout, kind, path, licence="none", retrieved_at=seen).id


def _write_agency(folder: Path, code: str, language: str) -> None:
    name = f"{code.lower()}-benchmark"
    (folder / f"{name}.toml").write_text(
        f'id = "{name}"\nname = "Agency of {code}"\ncountry = "{code}"\n'
        f'languages = {json.dumps([language])}\ncontact = "desk@agency.example"\n'
        f'page = "https://agency.example/op"\ntlp = "TLP:AMBER"\n'
        'audiences = ["public", "management", "technical"]\nformats = ["html", "pdf", "csv"]\n\n'
        f'[jurisdiction]\ncountries = ["{code}"]\n',
        encoding="utf-8",
    )
