"""What the tables say now about the servers that cases are about; nothing is decided here."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from survey.analysis.open_servers import Wanted, servers_for_letters
from survey.model.case import Test
from survey.model.episode import ExposureKind, State
from survey.model.exposure import OpenServer
from survey.model.followup import Reason
from survey.model.plan import Plan
from survey.model.probe import Probe
from survey.model.verdict import Rung
from survey.storage.layout import Layout, RunLayout
from survey.storage.rounds import load_round
from survey.targets.optouts import read_log
from survey.targets.ranges import RangeSet

_MOST = 10_000_000
"""More servers than any campaign has findings of rung R7."""

Port = tuple[int, int, ExposureKind]
"""Address, port, what stands open there: whose life an episode is."""


@dataclass(frozen=True, slots=True)
class Life:
    """How the last episode of one address, port and kind stands.

    Attributes:
        state: The episode's.
        opened_at: First proof, UTC.
        last_open_at: Last proof, UTC.
        closed_at: First negative check since, UTC, or None: it may not be confirmed yet.
        ended_at: When it ended by the rule of two days, or was lost, UTC; or None.
        by_wish: A negative check since was asked for by somebody.
        software: What answered, or "".
    """

    state: State
    opened_at: datetime
    last_open_at: datetime
    closed_at: datetime | None
    ended_at: datetime | None
    by_wish: bool
    software: str

    @property
    def is_fixed(self) -> bool:
        """Closed by the rule of two days."""
        return self.state is State.FIXED

    @property
    def is_lost(self) -> bool:
        """Nothing was heard of it for too long."""
        return self.state is State.LOST

    @property
    def is_over(self) -> bool:
        """Whether nothing stands open there, as far as anybody knows."""
        return self.is_fixed or self.is_lost or self.is_closed_by_wish

    @property
    def is_closed_by_wish(self) -> bool:
        """A test that was asked for found it closed, and nothing proved it open since."""
        return self.closed_at is not None and self.by_wish and self.ended_at is None


@dataclass(frozen=True, slots=True)
class Proven:
    """One reproduced finding: which run has it, and what is known of its server."""

    run: str
    server: OpenServer


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a campaign's servers at one moment.

    Attributes:
        plan: The newest judged run.
        plans: Every run by its id.
        optouts: Who opted out by now.
        proven: Reproduced (R7) findings of the newest run, and of older runs where cases have them.
        newest: Those of them that the newest run has.
        lives: The last episode of each port of ``proven`` and of the cases.
        looks: When each of these ports was proven open, by one look after the other.
    """

    plan: Plan
    plans: Mapping[str, Plan]
    optouts: RangeSet
    proven: Mapping[Test, Proven]
    newest: frozenset[Test]
    lives: Mapping[Port, Life]
    looks: Mapping[Port, tuple[datetime, ...]]

    def open_since(self, tests: Iterable[Test], moment: datetime) -> int:
        """How many looks after a moment found the tested port open; of several ports the most."""
        ports = {(ip, port, kind_of(probe)) for ip, port, probe in tests}
        return max((sum(at > moment for at in self.looks.get(one, ())) for one in ports), default=0)

    def life(self, test: Test) -> Life | None:
        """The last episode of a test's port, if there is one."""
        ip, port, probe = test
        return self.lives.get((ip, port, kind_of(probe)))


def kind_of(probe: Probe) -> ExposureKind:
    """What a probe finds open."""
    return ExposureKind.RELAY if probe.is_relay else ExposureKind.PROXY


def gather(
    layout: Layout, plans: Collection[Plan], known: Iterable[tuple[str, Test]], newest: Plan
) -> Facts:
    """Read the tables.

    Args:
        layout: Where they are.
        plans: All runs of the campaign.
        known: Run and test of every finding that a case has.
        newest: The run whose findings open cases.

    Raises:
        StorageError: A table is damaged.
        GateClosedError: The opt-out log can't be read, so nobody knows who must be left out.
    """
    by_run: dict[str, set[Test]] = {}
    for run, test in known:
        by_run.setdefault(run, set()).add(test)
    optouts = read_log(Path(newest.optouts)).ranges
    proven: dict[Test, Proven] = {}
    fresh: set[Test] = set()
    for plan in sorted(plans, key=lambda one: one.created_at):
        mine = by_run.get(plan.run, set())
        paths = layout.run(plan.campaign, plan.run)
        if not paths.findings.is_file() or not (mine or plan.run == newest.run):
            continue
        for server in servers_for_letters(
            layout, plan.campaign, plan.run, Wanted(), least=Rung.R7, optouts=optouts, limit=_MOST
        ):
            test = server.ip, server.port, server.probe
            if plan.run == newest.run:
                fresh.add(test)
            elif test not in mine:
                continue
            if test not in proven or _at(server) > _at(proven[test].server):
                proven[test] = Proven(plan.run, server)
    wanted = {test for tests in by_run.values() for test in tests} | proven.keys()
    return Facts(
        plan=newest,
        plans={plan.run: plan for plan in plans},
        optouts=optouts,
        proven=proven,
        newest=frozenset(fresh),
        lives=_lives(layout, newest.campaign, wanted),
        looks=_looks(layout, newest.campaign, wanted),
    )


def _at(server: OpenServer) -> datetime:
    return server.proven_at or datetime.min.replace(tzinfo=UTC)


def _lives(layout: Layout, campaign: str, tests: Collection[Test]) -> dict[Port, Life]:
    path = layout.episodes(campaign)
    if not path.is_file() or not tests:
        return {}
    wanted = {(ip, port, kind_of(probe)) for ip, port, probe in tests}
    rows = pq.read_table(path, filters=pc.field("ip").isin([ip for ip, _, _ in wanted])).to_pylist()
    last: dict[Port, dict[str, Any]] = {}
    for row in sorted(rows, key=lambda one: one["number"]):
        port = row["ip"], row["port"], ExposureKind(row["kind"])
        if port in wanted:
            last[port] = row
    closing = {port: row["closing_at"] for port, row in last.items() if row["closing_at"]}
    wished = _wished(layout, campaign, closing)
    return {
        port: Life(
            state=State(row["state"]),
            opened_at=row["opened_at"],
            last_open_at=row["last_open_at"],
            closed_at=row["fixed_at"] or row["closing_at"],
            ended_at=row["fixed_at"] or row["lost_at"],
            by_wish=port in wished,
            software=row["software"] or "",
        )
        for port, row in last.items()
    }


def _looks(
    layout: Layout, campaign: str, tests: Collection[Test]
) -> dict[Port, tuple[datetime, ...]]:
    ports = {(ip, port, kind_of(probe)) for ip, port, probe in tests}
    found: dict[Port, list[datetime]] = {}
    for path in sorted(layout.campaign(campaign).glob("*/checks.parquet")) if ports else ():
        for row in _checks(path, ports):
            port = row["ip"], row["port"], ExposureKind(row["kind"])
            if row["state"] == "open" and port in ports:
                found.setdefault(port, []).append(row["at"])
    return {port: tuple(sorted(moments)) for port, moments in found.items()}


def _wished(layout: Layout, campaign: str, closing: Mapping[Port, datetime]) -> set[Port]:
    """Of ports that were refused lately, those where the refusal was of a test asked for."""
    found: set[Port] = set()
    for path in sorted(layout.campaign(campaign).glob("*/checks.parquet")) if closing else ():
        run = RunLayout(path.parent)
        visits: dict[int, set[tuple[int, int]]] = {}
        for row in _checks(path, closing):
            port = row["ip"], row["port"], ExposureKind(row["kind"])
            if (
                row["state"] != "closed"
                or not row["round"]
                or row["at"] < closing.get(port, _NEVER)
            ):
                continue
            number = row["round"]
            if number not in visits:
                visits[number] = _asked_for(run, number)
            if (row["ip"], row["port"]) in visits[number]:
                found.add(port)
    return found


_NEVER = datetime.max.replace(tzinfo=UTC)


def _asked_for(run: RunLayout, number: int) -> set[tuple[int, int]]:
    path = run.round(number).plan
    if not path.is_file():
        return set()
    return {(one.ip, one.port) for one in load_round(path).visits if one.reason is Reason.WISH}


def _checks(path: Path, ports: Collection[Port]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(
        path,
        columns=["round", "ip", "port", "kind", "at", "state"],
        filters=pc.field("ip").isin([ip for ip, _, _ in ports]),
    ).to_pylist()
    return rows
