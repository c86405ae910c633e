"""From one agency's view of a run to the figures of its report."""

from datetime import datetime
from importlib.metadata import version
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq

from survey.analysis.jurisdiction import View
from survey.flows.miss_rate import miss_rate
from survey.flows.report_effect import experiment
from survey.flows.report_runs import Subject
from survey.model.agency import Agency
from survey.model.assignment import Receipt
from survey.model.plan import Plan
from survey.reports.figures import (
    CLOSED_WITHIN,
    Closure,
    Coverage,
    Figures,
    Flow,
    Movement,
    Place,
    Program,
    Source,
    Standing,
)
from survey.reports.hosts import hosts_name
from survey.storage.layout import Layout
from survey.storage.registries import Snapshot
from survey.storage.told import HELD_OUT_LABEL, NAME, TOLD, TOLD_LABEL
from survey.targets.plan import plan_hash

_MONTH = 30


def gather(
    layout: Layout,
    agency: Agency,
    subject: Subject,
    seen: View,
    receipts: tuple[Receipt, ...],
    *,
    now: datetime,
) -> Figures:
    """Every figure of the report, from the queries that only see the jurisdiction."""
    plan = subject.plan
    networks = seen.networks()
    this = Standing(
        run=plan.run,
        at=subject.ended.at,
        open=sum(line.open for line in networks),
        relays=sum(line.relays for line in networks),
        proxies=sum(line.proxies for line in networks),
    )
    trend = (*_earlier(subject, seen), this)
    compared = subject.compared
    letters = told(layout, plan.campaign)
    return Figures(
        agency=agency,
        campaign=plan.campaign,
        run=plan.run,
        period=subject.period,
        zone=ZoneInfo(agency.time_zone),
        operator=plan.identity.operator,
        contact=plan.identity.contact,
        page=plan.identity.page,
        open=this.open,
        relays=this.relays,
        proxies=this.proxies,
        suspected=sum(line.suspected for line in networks),
        answering=sum(line.answering for line in networks),
        tested=seen.tested.size,
        networks=networks,
        probes=seen.probes(),
        rungs=seen.rungs(),
        trend=trend,
        compared=next((one for one in trend if compared and one.run == compared.run), None),
        movements=tuple(Movement(*line) for line in seen.movements(compared.run))
        if compared
        else (),
        flow=_flow(subject, seen),
        closures=_closures(seen, letters),
        programs=tuple(Program(*line) for line in seen.programs()),
        places=tuple(Place(*line) for line in seen.countries()),
        coverage=_coverage(plan, receipts),
        sources=tuple(map(_source, seen.registries.every)),
        plan_hash=plan_hash(plan),
        hosts_file=hosts_name(agency, str(plan.run)),
        version=version("survey"),
        generated_at=now,
        effect=None if letters is None else experiment(seen, letters, agency.id),
    )


def _earlier(subject: Subject, seen: View) -> list[Standing]:
    """What earlier runs found; one that found nothing here has its zeros."""
    found = seen.trend([one.hosts for one in subject.before])
    return [Standing(one.run, one.at, *found.get(one.run, (0, 0, 0))) for one in subject.before]


def _flow(subject: Subject, seen: View) -> Flow | None:
    if subject.compared is None:
        return None
    became = seen.became(subject.compared.at, subject.ended.at)
    return Flow(
        since=subject.compared.run,
        before=became["open_at_start"],
        new=became["new"],
        regressed=became["regressed"],
        fixed=became["fixed"],
        lost=became["lost"],
        now=became["open_at_end"],
        persistent=became["persistent"],
    )


def told(layout: Layout, campaign: str) -> pa.Table | None:
    """Who was told, and who was drawn by lot to wait (``storage.told``); None if nobody was."""
    path = layout.campaign(campaign) / NAME
    return pq.read_table(path, schema=TOLD) if path.is_file() else None


def _closures(seen: View, letters: pa.Table | None) -> tuple[Closure, ...]:
    every = seen.closure()
    found = [
        _closure(told=None, row=row, curve=every.curve)
        for row in every.shares.to_pylist()
        if row["fixed"]
    ]
    if letters is not None:
        apart = seen.closure(letters)
        rows = {row["part"]: row for row in apart.shares.to_pylist()}
        found += [
            _closure(told=label == TOLD_LABEL, row=rows[label], curve=apart.curve)
            for label in (TOLD_LABEL, HELD_OUT_LABEL)
            if label in rows
        ]
    return tuple(found)


def _closure(*, told: bool | None, row: dict[str, Any], curve: pa.Table) -> Closure:
    low, high = (row[f"closed_{_MONTH}_{end}"] for end in ("low", "high"))
    # Greenwood's spread is 0 while nothing was closed, or all was: that is no certainty
    known = low is not None and high is not None and low < high
    return Closure(
        told=told,
        exposures=row["episodes"],
        closed=row["fixed"],
        median=row["median_days"],
        median_least=row["median_days_least"],
        shares=tuple(row[f"closed_{days}"] for days in CLOSED_WITHIN),
        month=(low, high) if known else None,
        curve=tuple(
            (step["days"], step["still_open"])
            for step in curve.to_pylist()
            if step["part"] == row["part"]
        ),
    )


def _coverage(plan: Plan, receipts: tuple[Receipt, ...]) -> Coverage:
    return Coverage(
        shards=plan.shards,
        committed=len(receipts),
        planned=sum(one.planned for one in receipts),
        sent=sum(one.sent for one in receipts),
        excluded=sum(one.excluded for one in receipts),
        opted_out=sum(one.opted_out for one in receipts),
        accepted=sum(one.open for one in receipts),
        refused=sum(one.refused for one in receipts),
        silent=sum(one.silent for one in receipts),
        unreachable=sum(one.unreachable for one in receipts),
        excluded_addresses=plan.excluded,
        started_at=min((one.started_at for one in receipts), default=None),
        finished_at=max((one.finished_at for one in receipts), default=None),
        again=miss_rate(receipts),
    )


def _source(snapshot: Snapshot) -> Source:
    licence = f" ({snapshot.licence})" if snapshot.licence else ""
    return Source(
        snapshot.kind.value, snapshot.id, f"{snapshot.source}{licence}", snapshot.attribution
    )
