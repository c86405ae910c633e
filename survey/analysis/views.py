"""The views of a data directory: every table as it lies on disk, less who has opted out by now."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from survey.analysis.database import Connection, hold, range_table, show_files
from survey.analysis.findings import optouts_version
from survey.analysis.listing_views import make_listing_views
from survey.analysis.queries import query
from survey.errors import GateClosedError
from survey.model.plan import Plan
from survey.storage.arrivals import arrival_files
from survey.storage.compaction import observation_files
from survey.storage.layout import Layout, RunLayout
from survey.storage.listing_checks import check_files
from survey.storage.manifest import read_manifest
from survey.storage.registries import (
    SnapshotKind,
    in_force,
    list_snapshots,
)
from survey.storage.rounds import rounds_of
from survey.storage.schemas import (
    ARRIVALS,
    CHECKS,
    COUNTRY_RANGES,
    COUNTS,
    EPISODES,
    FINDINGS,
    HOSTS,
    LISTING_CHECKS,
    NETWORK_RANGES,
    OBSERVATIONS,
    ORGANISATIONS,
    RECEIPTS,
    REGISTRATION_RANGES,
    SNAPSHOTS,
    TOLD,
)
from survey.storage.schemas import (
    UTC as UTC_TYPE,
)
from survey.storage.told import NAME
from survey.targets.optouts import OptOuts, read_log
from survey.targets.plan import load_plan, plan_hash
from survey.targets.ranges import RangeSet


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A run whose plan lies in the data directory."""

    plan: Plan
    paths: RunLayout

    @property
    def judged(self) -> bool:
        """Whether it has findings, and they were not kept for their period and have gone."""
        return self.paths.hosts.is_file() and not self.paths.counts.is_file()


@dataclass(frozen=True, slots=True)
class Hidden:
    """Who is shown in no view.

    Attributes:
        ever: All who have opted out by now.
        late: Those of them who were not left out yet when some run was judged.
    """

    ever: RangeSet
    late: RangeSet


def hidden(runs: Sequence[StoredRun], log: Path | None) -> Hidden:
    """Who must be left out, by ``log`` or by the opt-out logs that the plans name.

    Raises:
        GateClosedError: A log can't be read, or is older than a judgement.
    """
    ever, late = RangeSet.of(()), RangeSet.of(())
    read: dict[Path, OptOuts] = {}
    for run in runs:
        path = log or Path(run.plan.optouts)
        if path not in read:
            read[path] = read_log(path)
            ever |= read[path].ranges
        if run.judged:
            known = optouts_version(run.paths.hosts)
            if known > read[path].version:
                raise GateClosedError(
                    f"{path}: the opt-out log has fewer entries than when {run.plan.run} was "
                    "judged; restore it from your copy"
                )
            entries = read[path].entries[known:]
            late |= RangeSet.of(part for entry in entries for part in entry.ranges)
    return Hidden(ever, late)


def stored_runs(layout: Layout) -> tuple[StoredRun, ...]:
    """Every planned run."""
    plans = sorted(layout.campaigns.glob("*/*/plan.json"))
    return tuple(StoredRun(load_plan(path), RunLayout(path.parent)) for path in plans)


@dataclass(frozen=True, slots=True)
class Views:
    """The views of a data directory.

    Attributes:
        files: What they read.
        empty: Names of those that nothing was ever written for.
    """

    files: tuple[Path, ...]
    empty: frozenset[str]


def make_views(
    connection: Connection, layout: Layout, runs: Sequence[StoredRun], optouts: Hidden
) -> Views:
    """All views and macros."""
    for name in ("macros", "wilson", "visible", "within"):
        connection.execute(query(name))
    hold(connection, "optout_ranges", range_table(optouts.ever))
    hold(connection, "late_ranges", range_table(optouts.late))
    connection.execute(query("optout_blocks"))
    hold(connection, "runs", _runs_table(runs))
    hold(connection, "snapshots", _snapshots_table(layout))
    scans_and_rounds = (paths for one in runs for paths in (one.paths, *rounds_of(one.paths)))
    receipts = [read_manifest(paths).receipts_table() for paths in scans_and_rounds]
    hold(connection, "receipts", pa.concat_tables([RECEIPTS.empty_table(), *receipts]))
    today = datetime.now(UTC).date()
    campaigns = sorted({one.plan.campaign for one in runs})
    tables: dict[str, tuple[pa.Schema, list[Path]]] = {
        "findings": (
            FINDINGS,
            [one.paths.findings for one in runs if one.paths.findings.is_file()],
        ),
        "hosts": (HOSTS, [one.paths.hosts for one in runs if one.judged]),
        "observations": (
            OBSERVATIONS,
            [path for one in runs for path in observation_files(one.paths)],
        ),
        "arrivals": (ARRIVALS, list(arrival_files(layout))),
        "counts": (COUNTS, [one.paths.counts for one in runs if one.paths.counts.is_file()]),
        "checks": (CHECKS, [one.paths.checks for one in runs if one.paths.checks.is_file()]),
        "episodes": (
            EPISODES,
            [path for one in campaigns if (path := layout.episodes(one)).is_file()],
        ),
        "told": (
            TOLD,
            [path for one in campaigns if (path := layout.campaign(one) / NAME).is_file()],
        ),
        "countries": (COUNTRY_RANGES, _in_force(layout, SnapshotKind.COUNTRY)),
        "networks": (NETWORK_RANGES, _in_force(layout, SnapshotKind.NETWORK)),
        "registrations": (REGISTRATION_RANGES, _in_force(layout, SnapshotKind.REGISTRATION)),
        "organisations": (ORGANISATIONS, _in_force(layout, SnapshotKind.ORGANISATION)),
        "listing_checks": (LISTING_CHECKS, list(check_files(layout))),
    }
    connection.execute("CREATE SCHEMA stored")
    for name, (schema, files) in tables.items():
        show_files(connection, f"stored.{name}", schema, files)
        # findings and hosts were made without those who had opted out by then
        kind = "late" if name in {"findings", "hosts"} else "optout"
        hidden = optouts.late if kind == "late" else optouts.ever
        source = f"visible('stored.{name}', '{kind}_ranges', '{kind}_blocks')"
        if "ip" not in schema.names or not hidden.size:
            source = f"stored.{name}"
        connection.execute(f"CREATE VIEW {name} AS FROM {source}")
    listing_files = make_listing_views(connection, layout, today)
    empty = {name for name, (_, files) in tables.items() if not files}
    if not runs:
        empty.add("runs")
    if not listing_files:
        empty |= {"listings", "listing_names"}
    read = (*(path for _, files in tables.values() for path in files), *listing_files)
    return Views(read, frozenset(empty))


def _in_force(layout: Layout, kind: SnapshotKind) -> list[Path]:
    snapshot = in_force(layout, kind, datetime.now(UTC).date())
    return [snapshot.table] if snapshot else []


def _runs_table(runs: Sequence[StoredRun]) -> pa.Table:
    return pa.table(
        {
            "campaign": pa.array([one.plan.campaign for one in runs], pa.string()),
            "run": pa.array([one.plan.run for one in runs], pa.string()),
            "plan_hash": pa.array([plan_hash(one.plan) for one in runs], pa.string()),
            "created_at": pa.array([one.plan.created_at for one in runs], UTC_TYPE),
            "purpose": pa.array([one.plan.purpose for one in runs], pa.string()),
            "addresses": pa.array([one.plan.addresses for one in runs], pa.int64()),
            "targets": pa.array([one.plan.targets for one in runs], pa.int64()),
            "shards": pa.array([one.plan.shards for one in runs], pa.int64()),
            "complete": pa.array([one.paths.done.exists() for one in runs], pa.bool_()),
            "judged": pa.array([one.judged for one in runs], pa.bool_()),
        }
    )


def _snapshots_table(layout: Layout) -> pa.Table:
    every = [one for kind in SnapshotKind for one in list_snapshots(layout, kind)]
    columns = {name: [getattr(one, name) for one in every] for name in SNAPSHOTS.names}
    return pa.Table.from_pydict(columns, schema=SNAPSHOTS)


def lock(connection: Connection, files: Sequence[Path]) -> None:
    """From now on, only these files can be read, and no setting can be changed."""
    listed = ", ".join("'" + str(path).replace("'", "''") + "'" for path in files)
    connection.execute(f"SET allowed_paths = [{listed}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
