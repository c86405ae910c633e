"""One agency's view of one run: its own jurisdiction, and never another row (law 8).

The first query cuts the run down to the jurisdiction; all others read what it left.
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import pyarrow as pa

from survey.analysis.balance import balance
from survey.analysis.closure import Closure, closure
from survey.analysis.database import Connection, connect, hold, show_files
from survey.analysis.effect import Effect, effect
from survey.analysis.judged_with import JudgedWith, judged_with
from survey.analysis.membership import claim
from survey.analysis.open_servers import read_servers
from survey.analysis.queries import query
from survey.analysis.space import held_by_country, held_by_network, territory
from survey.errors import ConfigError
from survey.model.address import ipv4_of
from survey.model.agency import Jurisdiction
from survey.model.episode import Part
from survey.model.exposure import NetworkExposure, OpenServer, ProbeExposure, ServerKey
from survey.model.plan import Plan
from survey.model.probe import Probe
from survey.model.verdict import Rung
from survey.storage.layout import Layout
from survey.storage.registries import Snapshot, SnapshotKind
from survey.storage.schemas import EPISODES, FINDINGS, HOSTS
from survey.targets.ranges import RangeSet


@dataclass(frozen=True, slots=True)
class View:
    """Queries over what the jurisdiction may see.

    Attributes:
        tested: Addresses of the plan inside the jurisdiction, without those opted out by now.
        territory: All addresses of the jurisdiction, without those opted out by now.
        opted_out: How many addresses of the plan inside the jurisdiction have opted out by now.
        registries: The snapshots that the run was judged with.
    """

    tested: RangeSet
    territory: RangeSet
    opted_out: int
    registries: JudgedWith
    _connection: Connection
    _plan: Plan

    def networks(self) -> tuple[NetworkExposure, ...]:
        """Every network with a tested address, the most open first."""
        rows = self._connection.execute(query("report_networks")).fetchall()
        return tuple(NetworkExposure(*row) for row in rows)

    def probes(self) -> tuple[ProbeExposure, ...]:
        """Every probe of the plan, in its order, found something or not."""
        rows = self._connection.execute(query("report_probes")).fetchall()
        found = {Probe(probe): counts for probe, *counts in rows}
        return tuple(
            ProbeExposure(part.probe, part.every_port, *found.get(part.probe, (0, 0, 0)))
            for part in self._plan.probes
        )

    def rungs(self) -> tuple[int, ...]:
        """How many (ip, port, probe) ended at R0 to R7; eight numbers."""
        reached = dict(self._connection.execute(query("report_rungs")).fetchall())
        return tuple(reached.get(int(rung), 0) for rung in Rung)

    def countries(self) -> tuple[tuple[str, int, int], ...]:
        """Country ("" for none known), open servers, tested addresses; the most open first."""
        lands = held_by_country(self.tested, self.registries.main.country)
        self._connection.execute("DROP TABLE IF EXISTS own_lands")
        hold(self._connection, "own_lands", lands)
        return tuple(self._connection.execute(query("report_countries")).fetchall())

    def programs(self) -> tuple[tuple[str, int], ...]:
        """Program ("" for none known), open servers that run it; the most frequent first."""
        return tuple(self._connection.execute(query("report_programs")).fetchall())

    def trend(self, hosts: Sequence[Path]) -> dict[str, tuple[int, int, int]]:
        """Servers, relays, proxies open in each of other runs that found any, from their hosts."""
        self._connection.execute("DROP VIEW IF EXISTS past_hosts")
        show_files(self._connection, "past_hosts", HOSTS, hosts)
        self._connection.execute(query("report_past"))
        rows = self._connection.execute(query("report_trend")).fetchall()
        return {run: tuple(counts) for run, *counts in rows}

    def movements(self, run: str) -> tuple[tuple[int | None, str, int, int], ...]:
        """Networks that changed: number, name, open then, open now; most improved first.

        ``run`` is one of those that ``trend`` was last asked for.
        """
        rows = self._connection.execute(query("report_movements"), {"run": run}).fetchall()
        return tuple(rows)

    def became(self, since: datetime, until: datetime) -> dict[str, int]:
        """The balance of exposures between two moments, as ``analysis.balance`` has it.

        Ends are dated when they were known, so that what was reported once stays true.
        """
        rows = balance(self._connection, [("", since, until)], Part.ALL, known=True).to_pylist()
        names = ("open_at_start", "new", "regressed", "fixed", "lost", "persistent", "open_at_end")
        return {name: rows[0][name] if rows else 0 for name in names}

    def closure(self, starts: pa.Table | None = None) -> Closure:
        """Times to closure, as ``analysis.closure`` has them."""
        return closure(self._connection, Part.ALL, starts)

    def effect(self, letters: pa.Table) -> Effect:
        """Whether letters helped, as ``analysis.effect`` has it."""
        return effect(self._connection, letters)

    def among(self, addresses: Collection[int]) -> frozenset[int]:
        """Those of some addresses that the run has a row of, and that are the jurisdiction's."""
        asked = pa.table({"ip": pa.array(sorted(addresses), pa.uint32())})
        self._connection.execute("DROP TABLE IF EXISTS asked")
        hold(self._connection, "asked", asked)
        rows = self._connection.execute(query("report_among")).fetchall()
        return frozenset(ip for (ip,) in rows)

    def servers(self) -> tuple[OpenServer, ...]:
        """Every open finding, by address; an exit that lies elsewhere is not named."""
        return tuple(map(self._within, read_servers(self._connection, "report_servers")))

    def open_since(self) -> dict[ServerKey, datetime]:
        """Since when each open finding's exposure has been open, by address, port and probe."""
        rows = self._connection.execute(query("report_open_since")).fetchall()
        return {(ip, port, Probe(probe)): since for ip, port, probe, since in rows}

    def _within(self, server: OpenServer) -> OpenServer:
        if server.exit_ip is None:
            return server
        exit_ip = ipv4_of(server.exit_ip)
        if exit_ip is not None and exit_ip in self.territory:
            return server
        return replace(server, exit_ip=None, exit_elsewhere=True)


@contextmanager
def view(
    layout: Layout, plan: Plan, jurisdiction: Jurisdiction, optouts: RangeSet
) -> Iterator[View]:
    """The jurisdiction's view of a judged run; ``optouts`` of now are in no output.

    Raises:
        ConfigError: It answers for countries or networks, and no registry knew them for this run;
            a report would be empty and look like good news.
        StorageError: A table or a snapshot that the run was judged with is gone.
    """
    run = layout.run(plan.campaign, plan.run)
    with connect(layout) as connection:
        connection.execute(query("macros"))
        show_files(connection, "hosts", HOSTS, [run.hosts])
        show_files(connection, "findings", FINDINGS, [run.findings])
        registries = judged_with(layout, plan)
        main = registries.main
        _check_known("countries", jurisdiction.countries, SnapshotKind.COUNTRY, main.country)
        _check_known("networks", jurisdiction.networks, SnapshotKind.NETWORK, main.network)
        every = territory(jurisdiction, main.country, main.network)
        own, planned = every - optouts, RangeSet.of(plan.ranges)
        tested = own & planned
        claim(connection, jurisdiction, optouts)
        hold(connection, "own_addresses", held_by_network(tested, main.network))
        connection.execute(query("within"))
        connection.execute(query("report_scope"))
        connection.execute(query("report_findings"))
        episodes = layout.episodes(plan.campaign)
        show_files(connection, "episodes", EPISODES, [episodes] if episodes.is_file() else [])
        connection.execute("CREATE TEMP VIEW scope_episodes AS FROM within('episodes')")
        yield View(tested, own, (every & planned).size - tested.size, registries, connection, plan)


def _check_known(
    key: str, claimed: Collection[object], kind: SnapshotKind, snapshot: Snapshot | None
) -> None:
    if claimed and snapshot is None:
        raise ConfigError(
            f"jurisdiction.{key}",
            "",
            f"the run was judged without a {kind} snapshot",
            f"import one with `survey registry import {kind} FILE` and judge the run again",
        )
