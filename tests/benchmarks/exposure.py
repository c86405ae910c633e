"""Exposure by country and network: 50 million observations, 500,000 ranges in each registry.

Ours is what an analyst waits for: a data directory opened, opt-outs and all, and both answers
fetched, from the compacted tables that the judgement leaves.  The peers are DuckDB's own ASOF joins
from the same observations to the same ranges, over all rows and over the open ones alone; neither
knows opt-outs, denominators or intervals, and both count rows, which is cheaper than hosts.
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

import survey
from survey.enrichment.snapshots import import_snapshot
from survey.flows.judge import judge
from survey.model.address import Range
from survey.settings import Settings
from survey.storage.layout import Layout
from survey.storage.registries import Snapshot, SnapshotKind
from survey.storage.schemas import ARRIVALS, OBSERVATIONS
from survey.targets.optouts import add
from survey.targets.plan import plan_to_json
from tests.benchmarks.plans import loopback_plan
from tests.benchmarks.result import Result, rss_mb

FIRST, LAST = 1 << 24, 223 << 24
OPTOUTS = 200
TURNS = 3


@dataclass(frozen=True, slots=True)
class Size:
    """How much there is.

    Attributes:
        observations: Rows of the run.
        ranges: Ranges in each registry.
    """

    observations: int
    ranges: int


FULL, SMALL = Size(50_000_000, 500_000), Size(30_000, 5_000)

# Three variants of each target; one target in 250 is open; addresses rise as in a compacted file.
OBSERVED = {
    "run": "'2026-W48'",
    "round": "0::USMALLINT",
    "shard": "0::UINTEGER",
    "process": "'made'",
    "ip": "($first + (i // 3) * $step)::UINTEGER",
    "port": "1080::USMALLINT",
    "probe": "'socks5'",
    "variant": "['echo', 'mail', 'web'][i % 3 + 1]",
    "canary_port": "2525::USMALLINT",
    "tls": "FALSE",
    "attempt": "0::UTINYINT",
    "started_at": "TIMESTAMPTZ '2026-11-23 00:00:00+00' + to_seconds(i % 86400)",
    "duration": "(i % 997 / 1000)::FLOAT",
    "step": "CASE WHEN i % 750 < 3 THEN 'echoed' WHEN i % 5 > 2 THEN 'connected' ELSE 'spoke' END",
    "failure": "CASE WHEN i % 750 >= 3 AND i % 5 > 2 THEN 'stalled' END",
    "protocol": "CASE WHEN i % 5 <= 2 THEN 'socks5' END",
    "refused_at": "CASE WHEN i % 750 >= 3 AND i % 5 <= 2 THEN 'CONNECT' END",
    "code": "CASE WHEN i % 5 <= 2 THEN i % 8 END::INT",
    "reply": r"'\x05\x02'::BLOB",
    "token": "CASE WHEN i % 750 < 3 THEN md5(i::VARCHAR) ELSE '' END",
    "nonce": "CASE WHEN i % 750 < 3 THEN 'n' ELSE '' END",
    "received": r"'\x05\x00\x05\x02'::BLOB",
    "sent": r"'\x05\x01\x00'::BLOB",
    "bytes_in": "4::UINTEGER",
    "bytes_out": "10::UINTEGER",
    "source": "NULL::UINTEGER",
    "reason": "''",
    "client": "'ours'",
}

ARRIVED = {
    "at": "started_at",
    "kind": "'tunnel'",
    "token": "token",
    "nonce": "nonce",
    "peer": "unhex('00000000000000000000FFFF7F000001')",
    "peer_port": "40000::USMALLINT",
    "canary_port": "canary_port",
    "complete": "FALSE",
    "sender": "''::BLOB",
    "helo": "''::BLOB",
    "size": "64::UINTEGER",
    "headers": "''::BLOB",
}

_COPY = """
COPY (SELECT {columns} FROM {source})
TO '{file}' (FORMAT parquet, COMPRESSION zstd, KV_METADATA {{'survey.shards': '0'}})
"""

_PEER = """
SELECT r.{key}, count(*) FILTER (WHERE o.step = 'echoed') AS open, count(*) AS seen
FROM read_parquet($observations) AS o
ASOF JOIN read_parquet($ranges) AS r ON o.ip >= r.range_start
WHERE o.ip <= r.range_end AND {rows}
GROUP BY r.{key}
"""


def run(*, small: bool = False) -> Iterator[Result]:
    """Seconds for both questions, best of three turns each, taken in turn."""
    with tempfile.TemporaryDirectory(prefix="survey-benchmark-") as folder:
        layout, snapshots = _make(Path(folder), SMALL if small else FULL)
        observations = str(layout.run("benchmark", "2026-W48").observations)
        works = {
            "ours": lambda: _ours(layout),
            "all": lambda: _peer(observations, snapshots, "TRUE"),
            "open": lambda: _peer(observations, snapshots, "o.step = 'echoed'"),
        }
        times: dict[str, list[tuple[float, float]]] = {name: [] for name in works}
        for _ in range(TURNS):
            for name, work in works.items():
                times[name].append(_timed(work))
        ours, ours_cpu = min(times["ours"])
        for name, peer in (
            ("all", "DuckDB ASOF over all rows"),
            ("open", "DuckDB ASOF over open rows, no answering hosts"),
        ):
            theirs, cpu = min(times[name])
            yield Result(
                f"exposure_{name}",
                "s",
                round(ours, 3),
                peer,
                round(theirs, 3),
                round(theirs / ours, 2),
                round(ours_cpu, 2),
                round(cpu, 2),
                rss_mb(),
            )


def _timed(work: Callable[[], None]) -> tuple[float, float]:
    began, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - began, time.process_time() - cpu


def _ours(layout: Layout) -> None:
    with survey.open(layout.root) as opened:
        assert len(opened.exposure(by="country").fetchall()) > 1
        assert len(opened.exposure(by="network").fetchall()) > 1


def _peer(observations: str, registries: dict[str, Snapshot], rows: str) -> None:
    with duckdb.connect() as connection:
        for key, snapshot in registries.items():
            question = _PEER.format(key=key, rows=rows)
            bound = {"observations": observations, "ranges": str(snapshot.table)}
            assert len(connection.execute(question, bound).fetchall()) > 1


def _make(folder: Path, size: Size) -> tuple[Layout, dict[str, Snapshot]]:
    """A judged run of that size; only scanning and compacting are left out."""
    layout = Layout(folder / "data")
    snapshots = import_registries(folder, layout, size.ranges)
    plan = loopback_plan(folder, (Range(FIRST, LAST),), (1080,))
    paths = layout.run(plan.campaign, plan.run)
    paths.root.mkdir(parents=True)
    paths.plan.write_bytes(plan_to_json(replace(plan, created_at=datetime.now(UTC))))
    paths.done.write_text("{}")
    layout.arrivals.mkdir()
    arrivals = layout.arrivals / "2026-11-23.parquet"
    with duckdb.connect() as connection:
        everything = f"range({size.observations}) AS t(i)"
        step = (LAST - FIRST) * 3 // size.observations
        columns = {
            name: made.replace("$first", str(FIRST)).replace("$step", str(step))
            for name, made in OBSERVED.items()
        }
        fill(connection, OBSERVATIONS, columns, everything, paths.observations)
        answered = f"read_parquet('{paths.observations}') WHERE step = 'echoed'"
        fill(connection, ARRIVALS, ARRIVED, answered, arrivals)
    now = datetime.now(UTC)
    for part in range(OPTOUTS):
        start = FIRST + part * ((LAST - FIRST) // OPTOUTS)
        add(Path(plan.optouts), (Range(start, start + 255),), "somebody", "", now, now)
    settings = Settings(layout.root, folder / "keys", folder / "agencies")
    assert judge(settings, plan.campaign, plan.run).observations == size.observations
    return layout, snapshots


def check_columns(schema: pa.Schema, made: dict[str, str]) -> None:
    """Stop if a table has other columns today than are made here."""
    changed = sorted(set(made) ^ set(schema.names)) or schema.names
    assert list(made) == schema.names, f"columns of a schema have changed: {', '.join(changed)}"


def fill(
    connection: duckdb.DuckDBPyConnection,
    schema: pa.Schema,
    made: dict[str, str],
    source: str,
    file: Path,
) -> None:
    """Write a table of ours; it has to be what its schema says today."""
    check_columns(schema, made)
    columns = ", ".join(f'{sql} AS "{name}"' for name, sql in made.items())
    connection.execute(_COPY.format(columns=columns, source=source, file=file))
    for field, written in zip(schema, pq.read_schema(file), strict=True):
        told = pa.binary() if pa.types.is_fixed_size_binary(field.type) else field.type
        assert written.type == told, (field, written)


def import_registries(folder: Path, layout: Layout, ranges: int) -> dict[str, Snapshot]:
    """Both registries by the column that they give, every fiftieth range a gap."""
    step = (LAST - FIRST) // ranges
    spans = [(FIRST + part * step, FIRST + (part + 1) * step - 1) for part in range(ranges)]
    files = {"country": folder / "country.csv", "asn": folder / "network.tsv"}
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    delegated = folder / "delegated"
    with (
        files["country"].open("w") as country,
        files["asn"].open("w") as network,
        delegated.open("w") as registration,
    ):
        for part, (start, end) in enumerate(spans):
            if part % 50:
                code = letters[part // 1000 % 20] + letters[part // 100 % 10]
                country.write(f"{start},{end},{code}\n")
                network.write(f"{start}\t{end}\t{1 + part * 7919 % 60000}\t{code}\tEXAMPLE\n")
                registration.write(
                    f"lab|{code}|ipv4|{start}|{end - start + 1}||assigned|h{part % 60000}\n"
                )
    import_snapshot(layout, SnapshotKind.REGISTRATION, delegated)
    return {
        "country": import_snapshot(layout, SnapshotKind.COUNTRY, files["country"]),
        "asn": import_snapshot(layout, SnapshotKind.NETWORK, files["asn"]),
    }
