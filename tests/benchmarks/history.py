"""A year of weekly campaigns: 100 million observations in 50 runs, 500,000 ranges per registry.

Three questions: how exposed is each country and network in the newest campaign; in each of the 50;
and what is known of one address.  Ours is a data directory that is open already, as in a notebook,
with opt-outs, denominators, intervals and ranks.  pandas and polars do the least that answers the
same from the same observations: an as-of join to the same ranges and a count, or a filter.  Each
contender has a process of its own, and is asked once before it is timed; a peer that takes a minute
is not.

Five weeks are judged, and repeated under the dates of the others.
"""

import contextlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

import survey
from survey.flows.judge import judge
from survey.model.address import Range, format_ip
from survey.model.plan import Plan
from survey.settings import Settings
from survey.storage.layout import Layout
from survey.storage.paging import paging
from survey.storage.registries import SnapshotKind, list_snapshots
from survey.storage.schemas import ARRIVALS, OBSERVATIONS
from survey.targets.optouts import add
from survey.targets.plan import plan_to_json
from tests.benchmarks.exposure import (
    ARRIVED,
    FIRST,
    LAST,
    OBSERVED,
    OPTOUTS,
    fill,
    import_registries,
)
from tests.benchmarks.plans import loopback_plan
from tests.benchmarks.result import Result, rss_mb

CAMPAIGN = "benchmark"
TURNS = 3
JUDGED = 5
MONDAY = datetime(2026, 1, 5, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Size:
    """How much there is.

    Attributes:
        weeks: Runs.
        observations: Rows of each.
        ranges: Ranges in each registry.
    """

    weeks: int
    observations: int
    ranges: int


FULL, SMALL = Size(50, 2_000_000, 500_000), Size(3, 3_000, 5_000)


def run(*, small: bool = False) -> Iterator[Result]:
    """Seconds for each question, best of three turns."""
    with tempfile.TemporaryDirectory(prefix="survey-benchmark-") as folder:
        make(Path(folder), SMALL if small else FULL)
        for question, unit in (("newest", "s"), ("every", "s"), ("address", "ms")):
            scale = 1000 if unit == "ms" else 1
            ours, ours_cpu, memory = _alone(folder, question, "ours")
            for peer in ("polars", "pandas"):
                theirs, cpu, _ = _alone(folder, question, peer)
                yield Result(
                    f"history_{question}_{peer}",
                    unit,
                    round(ours * scale, 3),
                    peer,
                    round(theirs * scale, 3),
                    round(theirs / ours, 2),
                    round(ours_cpu, 2),
                    round(cpu, 2),
                    memory,
                )


def make(folder: Path, size: Size) -> Layout:
    """Judged runs of that size; only scanning and compacting are left out."""
    layout = Layout(folder / "data")
    import_registries(folder, layout, size.ranges)
    plan = loopback_plan(folder, (Range(FIRST, LAST),), (1080,))
    layout.arrivals.mkdir()
    settings = Settings(layout.root, folder / "keys", folder / "agencies")
    now = datetime.now(UTC)
    for part in range(OPTOUTS):
        start = FIRST + part * ((LAST - FIRST) // OPTOUTS)
        add(Path(plan.optouts), (Range(start, start + 255),), "somebody", "", now, now)
    plans = [
        replace(plan, run=f"{monday:%G-W%V}", created_at=monday)
        for monday in (MONDAY + timedelta(weeks=week) for week in range(size.weeks))
    ]
    for week, one in enumerate(plans):
        if week >= JUDGED:
            repeat(layout, plans[week % JUDGED], one)
            continue
        _week(layout, one, week, size)
        assert judge(settings, CAMPAIGN, one.run).observations == size.observations
    return layout


def repeat(layout: Layout, done: Plan, plan: Plan) -> None:
    """A judged week once more, under another date: row by row, in row groups of the same size."""
    source, target = (layout.run(one.campaign, one.run) for one in (done, plan))
    later = pa.scalar(plan.created_at - done.created_at, pa.duration("us"))
    target.root.mkdir(parents=True)
    target.plan.write_bytes(plan_to_json(plan))
    target.done.write_text("{}")
    for name in ("observations", "findings", "hosts", "checks"):
        file = pq.ParquetFile(getattr(source, name))
        written = getattr(target, name)
        schema = file.schema_arrow
        with pq.ParquetWriter(written, schema, compression="zstd", **paging(schema)) as writer:
            for group in range(file.num_row_groups):
                table = file.read_row_group(group)
                for at, field in enumerate(table.schema):
                    if field.name == "run":
                        table = table.set_column(at, field, pa.array([plan.run] * len(table)))
                    elif pa.types.is_timestamp(field.type):
                        table = table.set_column(at, field, pc.add(table[field.name], later))
                writer.write_table(table)
            writer.add_key_value_metadata(
                {
                    key: value
                    for key, value in (file.metadata.metadata or {}).items()
                    if key.startswith(b"survey.")
                }
            )


def _week(layout: Layout, plan: Plan, week: int, size: Size) -> None:
    """One week's observations: the same addresses, each week other ones of them open."""
    paths = layout.run(plan.campaign, plan.run)
    paths.root.mkdir(parents=True)
    paths.plan.write_bytes(plan_to_json(plan))
    paths.done.write_text("{}")
    step = (LAST - FIRST) * 3 // size.observations
    is_open = f"(i // 3 + i // 3000 * {week}) % 250 = 0"
    columns = {
        name: made.replace("$first", str(FIRST))
        .replace("$step", str(step))
        .replace("i % 750 < 3", is_open)
        .replace("i % 750 >= 3", f"NOT ({is_open})")
        .replace("2026-11-23", f"{plan.created_at:%Y-%m-%d}")
        .replace("2026-W48", plan.run)
        .replace("md5(i::VARCHAR)", f"md5('{week}/' || i)")
        for name, made in OBSERVED.items()
    }
    with duckdb.connect() as connection:
        everything = f"range({size.observations}) AS t(i)"
        fill(connection, OBSERVATIONS, columns, everything, paths.observations)
        answered = f"read_parquet('{paths.observations}') WHERE step = 'echoed'"
        arrivals = layout.arrivals / f"{plan.created_at:%Y-%m-%d}.parquet"
        fill(connection, ARRIVALS, ARRIVED, answered, arrivals)


def _alone(folder: str, question: str, contender: str) -> tuple[float, float, float]:
    """Seconds, CPU seconds and MB of a contender in a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.history", folder, question, contender]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    seconds, cpu, memory = map(float, said.split())
    return seconds, cpu, memory


def _timed(work: Callable[[], object]) -> tuple[float, float]:
    began, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - began, time.process_time() - cpu


@dataclass(frozen=True, slots=True)
class _Peer:
    """What pandas and polars read.

    Attributes:
        weeks: Files of observations, oldest first.
        ranges: Registry tables by the column that they give.
        address: The one that is asked for.
    """

    weeks: tuple[Path, ...]
    ranges: dict[str, Path]
    address: int


def _ours(layout: Layout, question: str, address: int) -> Iterator[Callable[[], object]]:
    with survey.open(layout.root) as opened:
        if question == "newest":
            yield lambda: [opened.exposure(by=by).fetchall() for by in ("country", "network")]
        elif question == "every":
            yield lambda: [
                opened.sql(
                    f"SELECT run, {key}, open, answering, addresses, per_100k_answering, "  # noqa: S608
                    f"per_100k_low, per_100k_high FROM exposure_by_{by} WHERE kind = 'any'"
                ).to_arrow_table()
                for by, key in (("country", "country"), ("network", "asn"))
            ]
        else:
            yield lambda: opened.history(format_ip(address)).fetchall()


def _polars(data: _Peer, question: str) -> Callable[[], object]:
    ranges = {
        key: pl.read_parquet(path, columns=["range_start", "range_end", key]).sort("range_start")
        for key, path in data.ranges.items()
    }

    def week(path: Path) -> None:
        seen = pl.read_parquet(path, columns=["ip", "step"]).sort("ip")
        for key, table in ranges.items():
            joined = seen.join_asof(
                table, left_on="ip", right_on="range_start", strategy="backward"
            ).filter(pl.col("ip") <= pl.col("range_end"))
            joined.group_by(key).agg(
                (pl.col("step") == "echoed").sum().alias("open"), pl.col("ip").n_unique()
            )

    if question == "address":
        return lambda: pl.scan_parquet(data.weeks).filter(pl.col("ip") == data.address).collect()
    wanted = data.weeks if question == "every" else data.weeks[-1:]
    return lambda: [week(path) for path in wanted]


def _pandas(data: _Peer, question: str) -> Callable[[], object]:
    ranges = {
        key: pd.read_parquet(path, columns=["range_start", "range_end", key]).sort_values(
            "range_start"
        )
        for key, path in data.ranges.items()
    }

    def week(path: Path) -> None:
        seen = pd.read_parquet(path, columns=["ip", "step"]).sort_values("ip")
        for key, table in ranges.items():
            joined = pd.merge_asof(seen, table, left_on="ip", right_on="range_start")
            joined = joined[joined["ip"] <= joined["range_end"]]
            joined = joined.assign(open=joined["step"] == "echoed")
            joined.groupby(key).agg(open=("open", "sum"), seen=("ip", "nunique"))

    if question == "address":
        only = [("ip", "==", data.address)]
        return lambda: [pd.read_parquet(path, filters=only) for path in data.weeks]
    wanted = data.weeks if question == "every" else data.weeks[-1:]
    return lambda: [week(path) for path in wanted]


def contend(folder: Path, question: str, contender: str) -> None:
    """Print a contender's seconds, CPU seconds and MB."""
    layout = Layout(folder / "data")
    kinds = {"country": SnapshotKind.COUNTRY, "asn": SnapshotKind.NETWORK}
    weeks = tuple(sorted(layout.campaign(CAMPAIGN).glob("*/observations.parquet")))
    rows = pq.read_metadata(weeks[0]).num_rows
    address = FIRST + rows // 9 * ((LAST - FIRST) * 3 // rows)  # one in the middle
    data = _Peer(
        weeks, {key: list_snapshots(layout, kind)[-1].table for key, kind in kinds.items()}, address
    )
    with contextlib.ExitStack() as stack:
        if contender == "ours":
            works = contextlib.contextmanager(_ours)
            work = stack.enter_context(works(layout, question, address))
        else:
            work = {"polars": _polars, "pandas": _pandas}[contender](data, question)
        slow = contender != "ours" and question == "every"
        if not slow:
            work()
        seconds, cpu = min(_timed(work) for _ in range(1 if slow else TURNS))
    sys.stdout.write(f"{seconds} {cpu} {rss_mb()}\n")


if __name__ == "__main__":
    contend(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
