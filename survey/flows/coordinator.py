"""Hands a plan's shards out, slot by slot, and takes them back, until every one is committed.

It keeps nothing in memory that matters: what is committed is in the shard files, and who was given
what is in the hand-out log.
"""

import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

from survey.cluster.executor import Broken, Done, Executor, Lost, Outcome, Pool
from survey.cluster.leases import Leases
from survey.cluster.slots import Slots
from survey.engine.readiness import prove_ready
from survey.engine.shard import run_shard
from survey.errors import StoppedError, SurveyError
from survey.flows.beat import Beat
from survey.flows.control import write_status
from survey.flows.sharing import fetch
from survey.flows.standing import Leasing, ScanStatus, Standing, State
from survey.flows.stop_rules import StopRules
from survey.flows.undertaking import Undertaking
from survey.model.assignment import Assignment, Progress, Receipt
from survey.model.control import Lease
from survey.settings import Settings
from survey.storage.handouts import Handout, add_handout, read_handouts
from survey.storage.manifest import write_manifest

WAIT = 0.25
"""Seconds between two looks around."""

SHOW = 1.0
"""Seconds between two reports."""

MANIFEST = 5.0
"""Seconds between two manifests while shards come in, at least."""

MANIFEST_SHARE = 0.02
"""Of our time that writing manifests may take; they grow with the run, and are only copies."""

MOST_LOSSES = 5
"""A shard that was lost so often in one scan is not handed out again."""

OnProgress = Callable[[ScanStatus], None]


class Coordinator:
    """One coordinator at work; ``receipts`` grows as shards come back."""

    def __init__(
        self,
        what: Undertaking,
        settings: Settings,
        *,
        epoch: int,
        beat: Beat,
        leases: Leases,
        leases_at: str,
        slots: Slots,
        receipts: dict[int, Receipt],
        on_progress: OnProgress,
    ) -> None:
        self._what, self._settings, self._epoch = what, settings, epoch
        self._plan, self._run = what.plan, what.paths
        self._beat, self._leases, self._leases_at = beat, leases, leases_at
        self._slots, self._receipts = slots, receipts
        self._on_progress = on_progress
        self._pending = deque(shard for shard in range(what.shards) if shard not in receipts)
        self._attempts = Counter(handout.shard for handout in read_handouts(self._run))
        self._losses: Counter[int] = Counter()
        self._under_way: dict[int, Assignment] = {}
        self._strays: set[Assignment] = set()
        self._standing = Standing(
            what.targets, what.shards, receipts.values(), dict(self._attempts), time.monotonic
        )
        self._thread = threading.current_thread()
        self._shown_at = self._manifest_at = float("-inf")
        self._rules, self._held, self._heals = StopRules(), "", False

    def outwait(self, until: float) -> None:
        """Grant nothing until the leases of a coordinator that ended badly are surely over."""
        while (left := until - time.monotonic()) > 0:
            self._look()
            time.sleep(min(WAIT, left))

    def work(self, executor: Executor) -> None:
        """Hand out, take back, until nothing is left."""
        work = partial(run_shard, watched=executor.own_processes)
        with executor.open(work, self._note) as pool:
            try:
                where = (self._run.shards, self._settings.keys, self._leases_at)
                pool.prove(partial(prove_ready, *where, self._settings.url))
                while self._pending or self._under_way:
                    self._look()
                    self._hand_out(pool)
                    for outcome in pool.wait(WAIT):
                        self._take(outcome)
                    self._give_up_silent()
            except Exception:
                self._break_off(pool)
                raise
        self._show(State.DONE)

    def _hand_out(self, pool: Pool) -> None:
        width = pool.width() - len(self._strays)
        while self._pending and len(self._under_way) < width:
            slot = self._slots.grant()
            if slot is None:
                return
            shard = self._pending.popleft()
            assignment = Assignment(
                data=self._settings.shared,
                keys=str(self._settings.keys),
                campaign=self._plan.campaign,
                run=self._plan.run,
                plan_hash=self._what.hash,
                round=self._what.round,
                shard=shard,
                attempt=self._attempts[shard],
                slot=slot,
                epoch=self._epoch,
                leases_at=self._leases_at,
            )
            now = datetime.now(UTC)
            add_handout(self._run, Handout(now, shard, assignment.attempt, slot, self._epoch))
            self._attempts[shard] += 1
            self._under_way[shard] = assignment
            self._standing.begin(shard, assignment.attempt)
            self._leases.grant(_lease(assignment))
            pool.submit(assignment)

    def _take(self, outcome: Outcome) -> None:
        assignment = outcome.assignment
        shard = assignment.shard
        if assignment in self._strays:
            # What it committed counts: whoever does the shard again returns its receipt.
            self._strays.remove(assignment)
            return
        del self._under_way[shard]
        match outcome:
            case Done(receipt=receipt):
                self._leases.finish(_lease(assignment))
                self._slots.release(assignment.slot)
                self._standing.commit(receipt)
                self._receipts[shard] = receipt
                self._write_manifest()
            case Broken() if self._leases.stopped:
                # It was told to break off, and has.
                self._leases.finish(_lease(assignment))
                self._standing.lose(shard)
                self._pending.append(shard)
            case Broken(error=StoppedError() as error):
                # Its lease ran out: it was frozen, or cut off from us, and ended by itself.
                self._lose(assignment, str(error))
            case Broken(error=error):
                self._leases.finish(_lease(assignment))
                self._slots.release(assignment.slot)
                self._standing.lose(shard)
                raise error
            case Lost(why=why):
                self._lose(assignment, why)

    def _give_up_silent(self) -> None:
        """Hand shards out again whose leases ran out; the executor may need minutes to notice."""
        for assignment in list(self._under_way.values()):
            if self._leases.expired(_lease(assignment)):
                del self._under_way[assignment.shard]
                self._strays.add(assignment)
                self._lose(assignment, "its worker was not heard of for the time of a lease")

    def _lose(self, assignment: Assignment, why: str) -> None:
        shard = assignment.shard
        self._slots.quarantine(assignment.slot, self._leases.revoke(_lease(assignment)))
        self._standing.lose(shard)
        self._losses[shard] += 1
        self._pending.append(shard)
        if self._leases.stopped:
            return
        self._standing.retries += 1
        if self._losses[shard] >= MOST_LOSSES:
            raise SurveyError(
                f"shard {shard} was lost {MOST_LOSSES} times, the last time because {why}; "
                "look at the workers' logs, then resume the scan"
            )

    def _break_off(self, pool: Pool) -> None:
        """Tell everybody to stop, and give them the time that they need for it."""
        self._leases.stop()
        until = time.monotonic() + self._plan.lease_seconds
        try:
            while self._under_way and time.monotonic() < until:
                for outcome in pool.wait(WAIT):
                    self._take(outcome)
                self._show(State.STOPPING)
        finally:
            self._write_manifest(force=True)

    def _look(self) -> None:
        self._beat.check()
        self._show()
        if self._leases.stopped:
            raise StoppedError(
                f"stopped: {len(self._receipts)} of {self._what.shards} shards are committed; "
                f"run `{self._what.again}` again to resume"
            )

    def _note(self, progress: Progress) -> None:
        self._standing.note(progress)
        if threading.current_thread() is self._thread:
            self._show()

    def _show(self, state: State | None = None) -> None:
        """Report, if it is time to or there is a state to tell of."""
        now = time.monotonic()
        if state is None and now - self._shown_at < SHOW:
            return
        self._shown_at = now
        self._judge()
        leasing = Leasing(
            cap=self._leases.rate,
            slots=self._slots.count,
            resting=self._slots.resting,
            silence=self._leases.longest_silence(),
            optouts=self._beat.optouts,
            reason=self._beat.held,
        )
        status = self._standing.status(state or self._state(), leasing)
        write_status(self._run, status)
        self._on_progress(status)

    def _judge(self) -> None:
        """Pause if a stop rule says so, and go on when what it waited for has come."""
        sample = self._standing.sample()
        if self._held and not self._beat.held:  # a person said: go on
            self._rules.forget()
            self._held = ""
        if self._held:
            if self._heals and not self._rules.canary(sample):
                self._beat.hold("")
                self._held = ""
            return
        if reason := self._rules.look(sample):
            self._held, self._heals = reason, bool(self._rules.canary(sample))
            self._beat.hold(reason)

    def _state(self) -> State:
        if self._leases.stopped:
            return State.STOPPING
        if self._leases.paused:
            return State.PAUSED
        return State.RUNNING if self._under_way else State.WAITING

    def _write_manifest(self, *, force: bool = False) -> None:
        began = time.monotonic()
        if force or began >= self._manifest_at:
            fetch(self._settings, self._run)
            write_manifest(self._run, self._receipts.values())
            ended = time.monotonic()
            self._manifest_at = ended + max(MANIFEST, (ended - began) / MANIFEST_SHARE)


def _lease(assignment: Assignment) -> Lease:
    return Lease(assignment.slot, assignment.shard, assignment.attempt)
