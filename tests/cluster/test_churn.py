"""The cap under churn in virtual time: real leases, slots, pacers and worker's ends, minutes long.

Workers join, leave, die, freeze, thaw at the worst moment, and are cut off from their coordinator;
coordinators die and are followed.  Every packet is counted by the virtual clock.
"""

import asyncio
import random
import ssl
from bisect import bisect_left
from dataclasses import dataclass, field

import pytest
from virtual_time import VirtualClock, VirtualLoop

from survey.cluster.leases import Leases
from survey.cluster.slots import Slots
from survey.engine.lease import LeaseWatch
from survey.engine.neighbourhoods import Neighbourhoods
from survey.engine.pacing import Pacer, share
from survey.errors import StoppedError
from survey.model.assignment import Assignment
from survey.model.control import Lease, Renewal, Word

CAP, SLOTS = 400, 3
LEASE, GRACE = 12.0, 6.0
TICK = 0.01
SECONDS = 400


class Killed(BaseException):
    """The watchdog has ended this worker."""


@dataclass(slots=True)
class Watchdog:
    """The kernel's timer, by the virtual clock."""

    until: float = float("inf")

    def arm(self, until: float) -> None:
        """At this moment."""
        self.until = until

    def disarm(self) -> None:
        """Not any more."""
        self.until = float("inf")


@dataclass(slots=True)
class Network:
    """What is between a worker and the coordinator that lives now."""

    leases: Leases | None
    dice: random.Random
    cut: set[str] = field(default_factory=set)


class Line(LeaseWatch):
    """The worker's end over a network that loses and delays."""

    network: Network
    name: str

    async def _exchange(self) -> Word:
        network = self.network
        await asyncio.sleep(network.dice.uniform(0, 0.5))
        if self.name in network.cut or network.leases is None or network.dice.random() < 0.05:
            await asyncio.sleep(1e9)
        assert network.leases is not None
        word = network.leases.answer(Renewal(self._epoch, self._lease, self._holder, self._optouts))
        await asyncio.sleep(network.dice.uniform(0, 0.5))
        if word is None or self.name in network.cut:
            await asyncio.sleep(1e9)
        assert word is not None
        return word


@dataclass(slots=True)
class Worker:
    """A process that may work on one shard at a time.

    Attributes:
        thaws_at: Until then it is frozen.
        ended: What the executor will find out, later: ``done``, ``stopped`` or ``dead``.
    """

    name: str
    thaws_at: float = 0.0
    lease: Lease | None = None
    task: asyncio.Task[str] | None = None


class World:
    """A scan's whole life.

    Attributes:
        sent: When each packet left.
    """

    def __init__(self, clock: VirtualClock, seed: int) -> None:
        self.clock, self.dice = clock, random.Random(seed)
        self.network = Network(None, self.dice)
        self.workers: dict[str, Worker] = {}
        self.sent: list[float] = []
        self.epoch = self.shards = self.joined = 0
        self.slots = Slots(SLOTS, clock)
        self.ready_at = 0.0
        self.done = 0
        self.deaths = 0

    def elect(self) -> None:
        """A coordinator dies, if there is one; the next grants nothing until leases are over."""
        self.epoch += 1
        self.network.leases = Leases(self.epoch, CAP, LEASE, self.clock, GRACE)
        self.slots = Slots(SLOTS, self.clock)
        self.ready_at = self.clock() + (LEASE + GRACE if self.epoch > 1 else 0)
        for worker in self.workers.values():
            worker.lease = None  # it knows nothing of what its predecessor handed out

    def join(self) -> None:
        """One more worker."""
        self.joined += 1
        name = f"worker-{self.joined}"
        self.workers[name] = Worker(name)

    def hand_out(self) -> None:
        """Slots to workers that have nothing to do."""
        leases = self.network.leases
        assert leases is not None
        leases.beat(paused=False, rate=CAP, optouts=0)
        if self.clock() < self.ready_at:
            return
        for worker in self.workers.values():
            if worker.task is not None or worker.name in self.network.cut:
                continue
            slot = self.slots.grant()
            if slot is None:
                return
            worker.lease = Lease(slot, self.shards, 0)
            self.shards += 1
            leases.grant(worker.lease)
            worker.task = asyncio.get_running_loop().create_task(
                self.work(worker, worker.lease, self.epoch)
            )

    def take_back(self) -> None:
        """What the executor tells: shards that came back, workers that are lost."""
        leases = self.network.leases
        assert leases is not None
        for worker in list(self.workers.values()):
            if worker.task is None or not worker.task.done():
                continue
            fate = worker.task.result()
            if worker.lease is not None:
                if fate == "done":
                    self.done += 1
                    leases.finish(worker.lease)
                    self.slots.release(worker.lease.slot)
                else:
                    self.slots.quarantine(worker.lease.slot, leases.revoke(worker.lease))
            worker.task = worker.lease = None
            if fate == "dead":
                self.deaths += 1
                del self.workers[worker.name]

    def give_up(self, name: str) -> None:
        """The executor thinks a worker lost that still lives, and the coordinator believes it."""
        worker, leases = self.workers[name], self.network.leases
        if worker.lease is not None and leases is not None:
            self.slots.quarantine(worker.lease.slot, leases.revoke(worker.lease))
            worker.lease = None

    async def work(self, worker: Worker, lease: Lease, epoch: int) -> str:
        """One shard, as a worker does it: what the world sees of it are its packets."""
        assignment = Assignment("", "", "", "", "", lease.shard, 0, lease.slot, epoch, "")
        guard = Watchdog()
        line = Line(assignment, ssl.create_default_context(), LEASE, clock=self.clock, guard=guard)
        line.network, line.name = self.network, worker.name
        try:
            word = await line.begin()
            pacer = Pacer(0, Neighbourhoods(1e6, SLOTS, lease.slot), self.clock)
            pacer.set_rate(share(word.rate, SLOTS, lease.slot))
            keeping = asyncio.create_task(line.keep(lambda _: 0))
            ends_at = self.clock() + self.dice.uniform(5, 60)
            try:
                while self.clock() < ends_at and not keeping.done():
                    line.assure()
                    await self.pass_time(worker, guard)
                    # A thaw falls between the last look at the lease and this packet.
                    spare = pacer.spare()
                    self.sent.extend([self.clock()] * spare)
                    pacer.charge(spare)
                if keeping.done():
                    keeping.result()
                await asyncio.sleep(1.0)
            finally:
                keeping.cancel()
        except StoppedError:
            return "stopped"
        except Killed:
            return "dead"
        finally:
            line.end()
        return "done"

    async def pass_time(self, worker: Worker, guard: Watchdog) -> None:
        """A moment, or as long as the worker is frozen; its watchdog does not freeze."""
        await asyncio.sleep(TICK)
        while self.clock() < worker.thaws_at:
            if self.clock() >= guard.until:
                raise Killed
            await asyncio.sleep(TICK)
        if self.clock() >= guard.until:
            raise Killed

    def happen(self) -> None:
        """Something, now and then."""
        names = list(self.workers)
        if not names:
            self.join()
            return
        name = self.dice.choice(names)
        match self.dice.randrange(12):
            case 0 | 1:
                self.join()
            case 2:
                self.workers[name].thaws_at = self.clock() + self.dice.uniform(0.1, 40)
            case 3:
                self.network.cut.add(name)
                self.give_up(name)
            case 4 | 5:
                self.network.cut.clear()
            case 6:
                self.give_up(name)
            case 7:
                self.elect()

    async def live(self) -> None:
        """Until the end of the test."""
        self.elect()
        for _ in range(SLOTS + 1):
            self.join()
        end = self.clock() + SECONDS
        while self.clock() < end:
            for _ in range(10):
                self.take_back()
                self.hand_out()
                await asyncio.sleep(0.5)
            self.happen()
        tasks = [worker.task for worker in self.workers.values() if worker.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def fullest_second(times: list[float]) -> int:
    """Most packets in any closed second."""
    return max(
        (index + 1 - bisect_left(times, at - 1 + 1e-9) for index, at in enumerate(times)),
        default=0,
    )


def live(seed: int) -> World:
    """One life."""
    clock = VirtualClock()
    world = World(clock, seed)
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(clock)) as runner:
        runner.run(world.live())
    return world


@pytest.mark.parametrize("seed", range(6))
def test_no_second_holds_more_than_the_cap(seed: int) -> None:
    """Whatever happens to workers, network and coordinators (law 5)."""
    world = live(seed)

    assert fullest_second(sorted(world.sent)) <= CAP
    assert world.done > 10
    assert len(world.sent) > CAP * SECONDS / 10


def test_count_would_see_a_slot_that_is_granted_too_early(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The proof fails where it must: without the wait, two workers share a slot's second."""
    monkeypatch.setattr(Slots, "quarantine", lambda self, slot, _: self.release(slot))

    assert max(fullest_second(sorted(live(seed).sent)) for seed in range(3)) > CAP


def test_count_would_see_a_worker_that_thaws_without_a_watchdog(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One burst with an old lease is enough."""
    monkeypatch.setattr(Watchdog, "arm", lambda *_: None)
    monkeypatch.setattr(LeaseWatch, "assure", lambda _: True)
    monkeypatch.setattr(LeaseWatch, "keep", lambda *_: asyncio.sleep(1e9))

    assert max(fullest_second(sorted(live(seed).sent)) for seed in range(3)) > CAP
