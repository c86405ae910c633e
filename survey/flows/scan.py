"""``survey scan``: run a plan to its end, or what is left of it, as the only coordinator.

Kill it at any moment and start it again: what is committed is in the shard files, and the rest is
handed out once more (law 6).
"""

import json
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path

from survey.cluster.executor import Executor
from survey.cluster.leases import GRACE, Leases
from survey.cluster.slots import Slots
from survey.cluster.switchboard import Switchboard
from survey.flows.beat import Beat
from survey.flows.control import forget_wishes
from survey.flows.coordinator import Coordinator, OnProgress
from survey.flows.identity import assure_seen
from survey.flows.interrupt import interrupt_heard
from survey.flows.sharing import exchange, fetch, open_office, put
from survey.flows.undertaking import Undertaking, scan_of
from survey.model.assignment import Receipt
from survey.model.plan import Plan
from survey.settings import Settings
from survey.storage.certificates import coordinator_tls
from survey.storage.control import begin_term, end_term, read_term
from survey.storage.files import replace_text
from survey.storage.handouts import read_handouts
from survey.storage.layout import Layout, RunLayout
from survey.storage.lock import held
from survey.storage.manifest import committed, write_manifest
from survey.storage.schemas import RECEIPTS


@dataclass(frozen=True, slots=True)
class ScanSummary:
    """What the whole run did, from its receipts.

    Attributes:
        shards: Shards of the plan, all committed.
        planned: Targets of the plan; = sent + excluded + opted_out.
        sent: Dialled; = open + refused + silent + unreachable.
        excluded: Kept back by the gate.
        opted_out: Kept back by an opt-out.
        open: Accepted the connection.
        refused: Answered with a reset.
        silent: Did not answer in time.
        unreachable: Reported unreachable.
        conversations: Tests made of open targets.
        observations: Rows written.
        packets: Packets charged by the committed shards.
        late: SYN discovery: answers of targets that had been given up as silent.
        strange: SYN discovery: answers that no probe explains.
        dropped: SYN discovery: answers that were lost; some silent targets may have answered.
        rechecked: Targets that were dialled a second time, to tell what one look misses.
        reopened: Of those, accepted the second connection.
        missed: Of those again, had not accepted the first.
        retries: Times that a shard was handed out again, by any coordinator of the run.
        repeated: Targets that may have been dialled again for that: at most so many, since it is
            not known how far the worker got that was lost.
        seconds: How long this coordinator took.
    """

    shards: int
    planned: int
    sent: int
    excluded: int
    opted_out: int
    open: int
    refused: int
    silent: int
    unreachable: int
    conversations: int
    observations: int
    packets: int
    late: int
    strange: int
    dropped: int
    rechecked: int
    reopened: int
    missed: int
    retries: int
    repeated: int
    seconds: float


_SUMS = [field.name for field in fields(ScanSummary) if field.name in RECEIPTS.names]


def scan(
    plan: Plan,
    plan_hash: str,
    settings: Settings,
    executor: Executor,
    on_progress: OnProgress,
    *,
    grace: float = GRACE,
) -> ScanSummary:
    """Run a plan to its end, or what is left of it.

    Args:
        plan: What; it lies in the data directory already.
        plan_hash: Its SHA-256, hex.
        settings: Where data and keys are.
        executor: Who works.
        on_progress: Called about once a second, in this thread.
        grace: Seconds beyond a lease until a lost worker surely sends no more.

    Raises:
        BusyError: Another scan runs in this data directory.
        StoppedError: It was stopped before its end; what is committed stays, the rest can be
            resumed.
        SurveyError: Something of ours is not in order; it can be resumed once that is mended.
    """
    with held(Layout(settings.data).lock):
        what = scan_of(plan, plan_hash, settings)
        return carry_out(what, settings, executor, on_progress, grace=grace)


def carry_out(
    what: Undertaking,
    settings: Settings,
    executor: Executor,
    on_progress: OnProgress,
    *,
    grace: float = GRACE,
) -> ScanSummary:
    """Bring a scan or a round to its end; the data directory's lock is held (see ``scan``)."""
    began = time.monotonic()
    exchange(settings)
    receipts = committed(what.paths, what.hash)
    if len(receipts) < what.shards:
        assure_seen(what.plan)
        _work(
            what,
            settings,
            executor,
            on_progress,
            receipts=receipts,
            grace=grace,
        )
    fetch(settings)
    summary = _finish(what, receipts, time.monotonic() - began)
    put(settings)
    return summary


def _work(
    what: Undertaking,
    settings: Settings,
    executor: Executor,
    on_progress: OnProgress,
    *,
    receipts: dict[int, Receipt],
    grace: float,
) -> None:
    """Be the coordinator until every shard is committed."""
    layout, clock = Layout(settings.data), time.monotonic
    plan, run = what.plan, what.paths
    cap = plan.rate.packets_per_second
    tls, (host, port) = coordinator_tls(settings.keys), executor.leases_at()
    last = read_term(layout)
    rest = last.lease_seconds + grace if last is not None and not last.over else 0.0
    old_leases_over_at = clock() + rest
    forget_wishes(run)
    office = open_office(settings)
    term = begin_term(layout, plan.lease_seconds, after=office.last)
    office.take(term.epoch)
    leases = Leases(term.epoch, cap, plan.lease_seconds, clock, grace)
    try:
        with (
            interrupt_heard(leases.stop),
            Beat(layout, run, term, leases, cap=cap, optouts=Path(plan.optouts)) as beat,
            Switchboard(leases, tls, host, port) as switchboard,
        ):
            coordinator = Coordinator(
                what,
                settings,
                epoch=term.epoch,
                beat=beat,
                leases=leases,
                leases_at=switchboard.address,
                slots=Slots(min(plan.slots, cap), clock),
                receipts=receipts,
                on_progress=on_progress,
            )
            coordinator.outwait(old_leases_over_at)
            coordinator.work(executor)
    finally:
        if leases.over() and clock() >= old_leases_over_at:
            end_term(layout, term)
            office.leave(term.epoch)


def _finish(what: Undertaking, receipts: dict[int, Receipt], seconds: float) -> ScanSummary:
    """See that the receipts are the plan (law 6), and write down that it is whole."""
    run = what.paths
    ordered = [receipts[shard] for shard in range(what.shards)]
    following = 0
    for receipt in ordered:
        assert receipt.first_index == following, receipt
        following += receipt.addresses
    assert following == what.places, (following, what.places)
    summary = _summary(run, ordered, seconds)
    assert summary.planned == what.targets, (summary.planned, what.targets)
    write_manifest(run, ordered)
    if not run.done.exists():
        word = {"plan_hash": what.hash, "at": datetime.now(UTC).isoformat()}
        replace_text(run.done, json.dumps(word) + "\n")
    return summary


def _summary(run: RunLayout, receipts: Iterable[Receipt], seconds: float) -> ScanSummary:
    handed = Counter(handout.shard for handout in read_handouts(run))
    total: Counter[str] = Counter(shards=0, repeated=0)
    for receipt in receipts:
        total["repeated"] += max(0, handed[receipt.shard] - 1) * receipt.planned
        total["shards"] += 1
        total.update({name: getattr(receipt, name) for name in _SUMS})
    retries = sum(times - 1 for times in handed.values())
    return ScanSummary(
        shards=total["shards"],
        retries=retries,
        repeated=total["repeated"],
        seconds=seconds,
        **{name: total[name] for name in _SUMS},
    )
