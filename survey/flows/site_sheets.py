"""Cases as their pages show them: made of ledger and tables for all cases at once."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pyarrow.compute as pc
import pyarrow.parquet as pq

from survey.flows.case_facts import Facts, Port, gather, kind_of
from survey.flows.runs import all_runs, newest_run
from survey.model.agency import Agency
from survey.model.case import Case, CaseEvent, CaseFinding, Closing, Happened
from survey.model.episode import ExposureKind
from survey.model.followup import Reason
from survey.model.plan import Plan
from survey.model.wish import Wish, WishKind
from survey.notify.evidence import evidence_lines, exit_text
from survey.settings import Settings
from survey.site.desk import Asked, CaseSheet, Event, Look, OwnResult, ServerSheet
from survey.storage.agencies import read_agencies
from survey.storage.cases import Cases
from survey.storage.followups import Queue, read_queue
from survey.storage.layout import Layout
from survey.storage.ledger import Ledger
from survey.targets.ranges import RangeSet

_TOLD = {
    Happened.OPENED,
    Happened.SENT,
    Happened.ANSWERED,
    Happened.CLOSED,
    Happened.CONFIRMED,
    Happened.REOPENED,
}
"""What of a case's history its operator is told; the rest is about how we work."""

_PATIENCE = timedelta(days=7)
"""A test that was asked for and has no result after that will have none."""


@dataclass(frozen=True, slots=True)
class Standing:
    """All cases of a campaign at one moment, and what is needed to answer wishes.

    Attributes:
        cases: Each case's sheet, without what was wished since.
        findings: What each case has now.
        plan: The newest run.
        plans: All runs by id.
        optouts: Who opted out by now.
        looks: The newest look at each port that a case or a wish is about.
        queues: The follow-ups of each run that a wish waits in.
    """

    cases: Mapping[str, CaseSheet]
    findings: Mapping[str, tuple[CaseFinding, ...]]
    plan: Plan
    plans: Mapping[str, Plan]
    optouts: RangeSet
    looks: Mapping[Port, tuple[datetime, Look]]
    queues: Mapping[str, Queue]


def take_stock(
    settings: Settings, ledger: Ledger, campaign: str, wishes: Collection[Wish]
) -> Standing:
    """Read everything.

    Args:
        settings: Where the tables are.
        ledger: Where the cases are.
        campaign: Which campaign's.
        wishes: Those whose results are still wanted.

    Raises:
        ConfigError: The campaign has no run.
        StorageError: A table is damaged.
        GateClosedError: The opt-out log can't be read.
    """
    layout = Layout(settings.data)
    cases = Cases(ledger)
    plans = {plan.run: plan for plan in all_runs(settings) if plan.campaign == campaign}
    newest = newest_run(settings, campaign)
    held: dict[str, list[CaseFinding]] = {}
    for one in cases.findings(campaign):
        if one.left_at is None:
            held.setdefault(one.case, []).append(one)
    every = [one for some in held.values() for one in some]
    facts = gather(layout, list(plans.values()), [(one.run, one.test) for one in every], newest)
    wanted = {(one.ip, one.port, kind_of(one.probe)) for one in every}
    looks = _looks(layout, campaign, wanted, {one.ip for one in wishes if one.ip is not None})
    agencies = {one.id: one for one in read_agencies(settings.agencies)}
    return Standing(
        cases={
            case.number: _sheet(
                case,
                held.get(case.number, []),
                facts,
                looks,
                agencies.get(case.key.agency),
                cases.history(case.number),
            )
            for case in cases.all(campaign)
        },
        findings={number: tuple(some) for number, some in held.items()},
        plan=newest,
        plans=plans,
        optouts=facts.optouts,
        looks=looks,
        queues={
            run: read_queue(layout.run(campaign, run))
            for run in {one.run for one in wishes if one.run in plans}
        },
    )


def how_asked(standing: Standing, wish: Wish, now: datetime) -> Asked:
    """How a test stands that was wished."""
    kinds = [kind_of(wish.probe)] if wish.probe else list(ExposureKind)
    seen = [
        at
        for (ip, port, kind), (at, _) in standing.looks.items()
        if ip == wish.ip and wish.port in {None, port} and kind in kinds
    ]
    if any(at >= wish.at for at in seen):
        return Asked.DONE
    if now - wish.at > _PATIENCE or (wish.ip is not None and wish.ip in standing.optouts):
        return Asked.DROPPED
    queue = standing.queues.get(wish.run)
    mine = [
        one
        for one in (queue.entries if queue else ())
        if one.wanted.reason is Reason.WISH
        and one.wanted.ip == wish.ip
        and wish.port in {None, one.wanted.port}
        and wish.probe in {None, one.wanted.probe}
        and one.queued_at >= wish.at - timedelta(minutes=10)
    ]
    if queue and mine and all(one.number in queue.dropped for one in mine):
        return Asked.DROPPED
    return Asked.WAITING


def own_results(standing: Standing, wish: Wish) -> tuple[OwnResult, ...]:
    """What the tests of an address said since somebody asked for them."""
    found = [
        OwnResult(port, kind is ExposureKind.RELAY, look)
        for (ip, port, kind), (at, look) in standing.looks.items()
        if ip == wish.ip and at >= wish.at
    ]
    return tuple(sorted(found, key=lambda one: (one.port, one.relay)))


def wished(sheet: CaseSheet, wishes: Iterable[Wish]) -> tuple[Wish, ...]:
    """The last test asked for of each server of a case."""
    last = {
        (one.ip, one.port, one.probe): one for one in wishes if one.kind is WishKind.TEST
    }  # they come oldest first
    return tuple(
        last[key]
        for server in sheet.servers
        if (key := (server.ip, server.port, server.probe)) in last
    )


def _sheet(  # noqa: PLR0917 - all that a sheet is made of
    case: Case,
    findings: Iterable[CaseFinding],
    facts: Facts,
    looks: Mapping[Port, tuple[datetime, Look]],
    agency: Agency | None,
    history: Iterable[CaseEvent],
) -> CaseSheet:
    return CaseSheet(
        number=case.number,
        language=case.language,
        agency=agency.name if agency else case.key.agency,
        agency_page=agency.page if agency else "",
        relay=case.key.kind is ExposureKind.RELAY,
        opened_at=case.opened_at,
        closed_at=case.closed_at,
        closed_by=case.closed_by,
        opted_out=case.closed_by is Closing.OPTED_OUT,
        servers=tuple(
            _server(one, facts, looks) for one in findings if one.ip not in facts.optouts
        ),
        history=tuple(Event(one.at, one.what, one.letter) for one in history if one.what in _TOLD),
    )


def _server(
    finding: CaseFinding, facts: Facts, looks: Mapping[Port, tuple[datetime, Look]]
) -> ServerSheet:
    proven, life = facts.proven.get(finding.test), facts.life(finding.test)
    server = proven.server if proven else None
    first = [finding.proven_at]
    last = [finding.proven_at]
    if server is not None:
        first.append(server.first_seen)
        last.append(server.last_seen)
    if life is not None:
        first.append(life.opened_at)
        last.append(life.last_open_at)
    looked = looks.get((finding.ip, finding.port, kind_of(finding.probe)))
    return ServerSheet(
        ip=finding.ip,
        port=finding.port,
        probe=finding.probe,
        first_seen=min(first),
        last_open=max(last),
        exit=exit_text(server.exit_ip, server.ip) if server else "",
        software=server.software if server and server.software_named else "",
        evidence=evidence_lines(server.greeting, server.reply) if server else (),
        look=looked[1] if looked else None,
        looked_at=looked[0] if looked else None,
    )


def _looks(
    layout: Layout, campaign: str, ports: Collection[Port], addresses: Collection[int]
) -> dict[Port, tuple[datetime, Look]]:
    """The newest look at each of these ports, and at every port of these addresses."""
    found: dict[Port, tuple[datetime, Look]] = {}
    ips = {ip for ip, _, _ in ports} | set(addresses)
    for path in layout.campaign(campaign).glob("*/checks.parquet") if ips else ():
        rows = pq.read_table(
            path,
            columns=["ip", "port", "kind", "at", "state"],
            filters=pc.field("ip").isin(list(ips)),
        )
        for row in rows.to_pylist():
            port = row["ip"], row["port"], ExposureKind(row["kind"])
            if port not in ports and row["ip"] not in addresses:
                continue
            at: datetime = row["at"].astimezone(UTC)
            if port not in found or at >= found[port][0]:
                found[port] = at, Look(row["state"])
    return found
