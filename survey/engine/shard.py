"""One shard: dial its targets, talk to those that answer, commit what was seen, return a receipt.

A plain function of an assignment, fit for any executor and safe to run twice.  It runs an event
loop of its own in the thread that called it: on a Dask worker an ``async`` task would share the
loop that keeps the worker in touch with its scheduler.
"""

import asyncio
import os
import platform
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path

from survey.engine.canary_watch import CanaryWatch
from survey.engine.conversations import Conversations, Test
from survey.engine.descriptors import socket_room
from survey.engine.event_loop import new_event_loop
from survey.engine.hosts import Hosts
from survey.engine.lease import LeaseWatch
from survey.engine.method import Finding, Surroundings, open_discovery
from survey.engine.neighbourhoods import Neighbourhoods
from survey.engine.pacing import Pacer, share
from survey.engine.process import process_mark
from survey.engine.recheck import Recheck
from survey.engine.revisits import Revisits
from survey.engine.self_check import SelfCheck, controls_gate
from survey.engine.shard_work import ShardWork, read_work
from survey.engine.watchdog import Watchdog
from survey.engine.watching import Watching
from survey.errors import SurveyError
from survey.model.assignment import Assignment, Progress, Receipt
from survey.model.control import Word
from survey.model.probe import Probe
from survey.probes.context import Context
from survey.probes.dialer import Dialer
from survey.probes.names import open_names
from survey.probes.registry import PROBES
from survey.probes.timeouts import timeouts_of
from survey.storage.certificates import worker_tls
from survey.storage.keys import TOKEN, read_key
from survey.storage.shard_file import rows
from survey.targets.gate import Gate

REPORT = 1.0
"""Seconds between two reports."""

Report = Callable[[Progress], None]


def run_shard(assignment: Assignment, report: Report, *, watched: bool = False) -> Receipt:
    """Work on one shard and commit it; if it is committed already, whoever did it, return that.

    Args:
        assignment: Which shard, and with which share of the cap.
        report: Called about once a second with how it stands.
        watched: Let the kernel end this process if its lease ends before its work: it was frozen.

    Raises:
        StoppedError: The scan was stopped, or this worker lost its lease; nothing was committed.
        GateClosedError: It can't be known who may be tested.
        SurveyError: This machine, the storage or the canary is not in order.
    """
    work = read_work(assignment)
    path = work.paths.shard(assignment.shard)
    if (receipt := work.place.committed(path)) is not None:
        return receipt
    work.place.prove(work.paths.shards)
    keys = Path(assignment.keys)
    key, tls = read_key(keys, TOKEN), worker_tls(keys)
    with ExitStack() as stack:
        guard = stack.enter_context(closing(Watchdog())) if watched else None
        lease = LeaseWatch(assignment, tls, work.plan.lease_seconds, guard=guard)
        runner = stack.enter_context(asyncio.Runner(loop_factory=new_event_loop))
        stack.enter_context(_first_of_ours())
        shard = runner.run(_work(work, assignment, lease, key, report))
    table = rows(
        assignment.run,
        assignment.shard,
        shard.conversations.observations,
        round_=assignment.round,
        process=process_mark(),
    )
    return work.place.commit(path, table, shard.receipt(table.num_rows))


@contextmanager
def _first_of_ours() -> Iterator[None]:
    """Raise the first error of a task group plainly: it has ended all the others."""
    try:
        yield
    except BaseExceptionGroup as group:
        ours = group.subgroup(SurveyError) or group
        error: BaseException = ours
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        raise error from None


async def _work(
    work: ShardWork, assignment: Assignment, lease: LeaseWatch, key: bytes, report: Report
) -> "Shard":
    with ExitStack() as stack:
        stack.callback(lease.end)
        word = await lease.begin()
        async with asyncio.TaskGroup() as tasks:
            shard = Shard(work, assignment, lease, word, key=key, tasks=tasks)
            stack.callback(shard.close)
            await shard.work(report)
    return shard


class Shard:
    """The parts of one shard's work, joined inside its event loop."""

    def __init__(
        self,
        work: ShardWork,
        assignment: Assignment,
        lease: LeaseWatch,
        word: Word,
        *,
        key: bytes,
        tasks: asyncio.TaskGroup,
    ) -> None:
        plan, clock = work.plan, time.monotonic
        room = socket_room()
        self._plan, self._assignment, self._tasks, self._clock = plan, assignment, tasks, clock
        self._started_at, self._began = datetime.now(UTC), clock()
        self._lease = lease
        self._gate = Gate.open(plan, lease.assure)
        self._gate.refresh(word.optouts)
        self._version = self._gate.version
        neighbourhoods = Neighbourhoods(
            plan.rate.per_24_per_second, plan.slots, assignment.slot, lease.common_clock
        )
        self._pacer = Pacer(0, neighbourhoods, clock)
        self._pace(word)
        hosts = Hosts(plan.rate.per_host_connections)
        self._canary = CanaryWatch(plan.canary, clock)
        self._dialer = Dialer(self._gate, self._pacer, plan.identity.source_addresses)
        context = Context(
            campaign=plan.campaign,
            run=plan.run,
            key=key,
            identity=plan.identity,
            canary=plan.canary,
            dialer=self._dialer,
            names=open_names(plan.names),
            attempt=0,
            canary_healthy=self._canary.healthy,
            timeouts=timeouts_of(plan.kind, plan.patience),
            messages=work.messages,
            parts=plan.probes,
        )
        self._self_check = SelfCheck(
            plan.controls,
            controls_gate(plan, lease.assure),
            self._pacer,
            context,
            self._canary,
        )
        tests = {part.probe: _test(part.probe, context) for part in plan.probes}
        revisits = None
        if work.visits is not None:
            revisits = Revisits(work.visits, context, self._gate, self._holds)
            tests = revisits.tests
        self.conversations = Conversations(
            tests,
            plan.probes_on,
            hosts,
            self._canary,
            clock,
            tasks=tasks,
            most=room.conversations,
        )
        self._watching = Watching(work.watched, self._gate)
        self._discovery: Finding
        self._recheck: Recheck | None = None
        if revisits is not None:
            revisits.send_to(self.conversations.add)
            self._discovery = revisits
        else:
            around = Surroundings(
                self._gate,
                self._pacer,
                hosts,
                wall=lease.common_clock,
                room=room.discovery,
                on_open=self.conversations.add,
                holds=self._holds,
            )
            self._recheck = Recheck(plan, assignment, around)
            noted = self._watching.noting(self._recheck.noting(around.on_open))
            around = replace(around, on_open=noted)
            self._discovery = open_discovery(plan, assignment, work.paths, around)
        self._first, self._addresses = work.first, work.places
        self._planned = work.targets

    async def work(self, report: Report) -> None:
        """Do all of it; whatever goes wrong in a part ends the whole."""
        helpers = (
            self._tasks.create_task(self._lease.keep(self._obey)),
            self._tasks.create_task(self._tell(report)),
            self._tasks.create_task(self._canary.run()),
            self._tasks.create_task(self._self_check.run()),
        )
        await self._self_check.check()
        await self._discovery.run()
        await self._watching.run(self.conversations.add, self._holds)
        await self.conversations.drain()
        if self._recheck:
            await self._recheck.run()
        await self._self_check.check()
        # The slot's next shard knows nothing of this one: let its last second be over first.
        await asyncio.sleep(self._pacer.quiet_in())
        for helper in helpers:
            helper.cancel()
        report(self.progress())

    def close(self) -> None:
        """Break off whatever is still in the air."""
        self._self_check.close()
        self._discovery.close()
        if self._recheck:
            self._recheck.close()
        self._dialer.close()

    async def _tell(self, report: Report) -> None:
        while True:
            report(self.progress())
            await asyncio.sleep(REPORT)

    def _obey(self, word: Word) -> int:
        """Do as the coordinator says; how many opt-outs are in force here now."""
        self._pace(word)
        self._gate.refresh(word.optouts)
        if self._gate.version != self._version:
            self._version = self._gate.version
            self._dialer.abort(self._allowed)
        return self._gate.optouts

    def _holds(self) -> bool:
        """Whether nothing new should be begun."""
        return self.conversations.crowded or not self._lease.alive()

    def _allowed(self, ip: int) -> bool:
        return self._gate.permit(ip, self._plan.ports[0]) is not None

    def _pace(self, word: Word) -> None:
        rate = min(word.rate, self._plan.rate.packets_per_second)
        self._pacer.set_rate(share(rate, self._plan.slots, self._assignment.slot))
        self._pacer.pause(paused=word.paused)

    def progress(self) -> Progress:
        """How it stands; counts only."""
        tally, kept, again = self._discovery.tally, self._discovery.kept_back, self._recheck
        return Progress(
            shard=self._assignment.shard,
            attempt=self._assignment.attempt,
            planned=self._planned,
            done=tally.sent + kept.excluded + kept.opted_out,
            found=tally.open,
            packets=self._pacer.meter.total,
            conversations=self.conversations.finished,
            running=self.conversations.running
            + self._discovery.in_air
            + (again.in_air if again else 0),
            sent=tally.sent,
            refused=tally.refused,
            silent=tally.silent,
            unreachable=tally.unreachable,
            aborted=self.conversations.aborted,
            failures=tuple(sorted(self.conversations.failures.items())),
            shortages=self._discovery.heard.shortages,
            canary_ill=self._canary.found_ill,
            checks=self._self_check.checks,
            rechecked=again.rechecked if again else 0,
            reopened=again.reopened if again else 0,
            missed=again.missed if again else 0,
        )

    def receipt(self, observations: int) -> Receipt:
        """What the whole shard did."""
        tally, kept, own = self._discovery.tally, self._discovery.kept_back, self._assignment
        heard, again = self._discovery.heard, self._recheck
        assert self._planned == tally.sent + kept.excluded + kept.opted_out, (tally, kept)
        answered = tally.open + tally.refused + tally.silent + tally.unreachable
        assert tally.sent == answered, tally
        return Receipt(
            run=own.run,
            plan_hash=own.plan_hash,
            shard=own.shard,
            first_index=self._first,
            addresses=self._addresses,
            attempt=own.attempt,
            slot=own.slot,
            epoch=own.epoch,
            worker=f"{platform.node()}:{os.getpid()}",
            version=version("survey"),
            started_at=self._started_at,
            # By the monotonic clock: the wall clock may be set meanwhile.
            finished_at=self._started_at + timedelta(seconds=self._clock() - self._began),
            planned=self._planned,
            excluded=kept.excluded,
            opted_out=kept.opted_out,
            sent=tally.sent,
            open=tally.open,
            refused=tally.refused,
            silent=tally.silent,
            unreachable=tally.unreachable,
            conversations=self.conversations.finished,
            aborted=self.conversations.aborted,
            packets=self._pacer.meter.total,
            observations=observations,
            max_rate=self._pacer.meter.peak,
            round=own.round,
            late=heard.late,
            strange=heard.strange,
            dropped=heard.dropped,
            rechecked=again.rechecked if again else 0,
            reopened=again.reopened if again else 0,
            missed=again.missed if again else 0,
        )


def _test(probe: Probe, context: Context) -> Test:
    run = PROBES[probe].run
    return lambda ip, port: run(ip, port, context)
