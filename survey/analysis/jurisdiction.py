"""One agency's view of one run: its own jurisdiction, and never another row (law 8).

The first query cuts the run down to the jurisdiction; all others read what it left.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pyarrow as pa

from survey.analysis.database import Connection, connect, hold, show_files
from survey.analysis.findings import range_table
from survey.analysis.open_servers import read_servers
from survey.analysis.queries import query
from survey.errors import ConfigError
from survey.model.agency import Jurisdiction
from survey.model.exposure import NetworkExposure, OpenServer, ProbeExposure
from survey.model.plan import Plan
from survey.model.probe import Probe
from survey.model.verdict import Rung
from survey.storage.layout import Layout
from survey.storage.registries import Snapshot, SnapshotKind
from survey.storage.schemas import COUNTRY_RANGES, FINDINGS, HOSTS, NETWORK_RANGES
from survey.targets.ranges import RangeSet


@dataclass(frozen=True, slots=True)
class Scope:
    """What a view rests on.

    Attributes:
        plan: The run's plan.
        jurisdiction: Whose view it is.
        country: Country snapshot that the run was judged with, or None.
        network: Network snapshot that the run was judged with, or None.
        optouts: Addresses that have opted out by now; in no output.
    """

    plan: Plan
    jurisdiction: Jurisdiction
    country: Snapshot | None
    network: Snapshot | None
    optouts: RangeSet


@dataclass(frozen=True, slots=True)
class View:
    """Queries over what the jurisdiction may see.

    Attributes:
        tested: Addresses of the plan inside the jurisdiction, without those opted out by now.
    """

    tested: RangeSet
    _connection: Connection
    _plan: Plan

    def networks(self) -> tuple[NetworkExposure, ...]:
        """Every network with a tested address, the most open first."""
        rows = self._connection.execute(
            query("report_networks"), {"tested": self.tested.size}
        ).fetchall()
        return tuple(NetworkExposure(*row) for row in rows)

    def probes(self) -> tuple[ProbeExposure, ...]:
        """Every probe of the plan, in its order, found something or not."""
        rows = self._connection.execute(query("report_probes")).fetchall()
        found = {Probe(probe): counts for probe, *counts in rows}
        return tuple(
            ProbeExposure(part.probe, part.ports, *found.get(part.probe, (0, 0, 0)))
            for part in self._plan.probes
        )

    def rungs(self) -> tuple[int, ...]:
        """How many (ip, port, probe) ended at R0 to R7; eight numbers."""
        reached = dict(self._connection.execute(query("report_rungs")).fetchall())
        return tuple(reached.get(int(rung), 0) for rung in Rung)

    def servers(self) -> tuple[OpenServer, ...]:
        """Every open finding, by address."""
        return read_servers(self._connection, "report_servers")


@contextmanager
def view(layout: Layout, scope: Scope) -> Iterator[View]:
    """The jurisdiction's view of a judged run.

    Raises:
        ConfigError: It answers for countries or networks, and no registry knew them for this run;
            a report would be empty and look like good news.
    """
    claims = scope.jurisdiction
    _check_known("countries", bool(claims.countries), scope.country)
    _check_known("networks", bool(claims.networks), scope.network)
    run = layout.run(scope.plan.campaign, scope.plan.run)
    with connect(layout) as connection:
        show_files(connection, "hosts", HOSTS, [run.hosts])
        show_files(connection, "findings", FINDINGS, [run.findings])
        show_files(
            connection, "country_ranges", COUNTRY_RANGES, [s.ranges for s in _some(scope.country)]
        )
        show_files(
            connection, "network_ranges", NETWORK_RANGES, [s.ranges for s in _some(scope.network)]
        )
        foreign = RangeSet.of(claims.excluded) | scope.optouts
        hold(connection, "own_ranges", range_table(RangeSet.of(claims.ranges)))
        hold(connection, "foreign_ranges", range_table(foreign))
        names = {"countries": sorted(claims.countries), "networks": sorted(claims.networks)}
        connection.execute(query("report_scope"), names)
        connection.execute(query("report_findings"))
        named = _ranges(connection.execute(query("report_ranges"), names).to_arrow_table())
        tested = ((named | RangeSet.of(claims.ranges)) & RangeSet.of(scope.plan.ranges)) - foreign
        hold(connection, "own_addresses", range_table(tested))
        yield View(tested, connection, scope.plan)


def _check_known(what: str, claimed: bool, snapshot: Snapshot | None) -> None:  # noqa: FBT001
    if claimed and snapshot is None:
        kind = SnapshotKind.COUNTRY if what == "countries" else SnapshotKind.NETWORK
        raise ConfigError(
            f"jurisdiction.{what}",
            "",
            f"the run was judged without a {kind} snapshot",
            f"import one with `survey registry import {kind} FILE` and judge the run again",
        )


def _some(snapshot: Snapshot | None) -> tuple[Snapshot, ...]:
    return () if snapshot is None else (snapshot,)


def _ranges(table: pa.Table) -> RangeSet:
    return RangeSet(
        table["range_start"].cast(pa.int64()).to_numpy(),
        table["range_end"].cast(pa.int64()).to_numpy(),
    )
