"""The second stage: what is said to the few targets that accepted a connection.

Bounded at both ends: so many conversations at once, and so many targets waiting before discovery
pauses.  An answer that an ill canary may have caused is believed only after the canary was found
healthy afterwards; otherwise its test is repeated, for a canary that is down makes every proxy look
closed, and every mail server that asks it about our mailboxes.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace

from survey.engine.canary_watch import CanaryWatch
from survey.engine.hosts import Hosts
from survey.errors import SurveyError
from survey.model.failure import Failure
from survey.model.observation import Observation, Protocol, Step
from survey.model.probe import Probe
from survey.probes.registry import worth_trying
from survey.protocols.refusal import asked_nobody

Test = Callable[[int, int], Awaitable[tuple[Observation, ...]]]
"""One probe, ready to be tried on an address and a port."""

MOST_REPEATS = 2
"""Times that one test is repeated for the canary's sake; a canary that flaps oftener is broken."""


@dataclass(frozen=True, slots=True)
class Job:
    """What is left to be tried on one target.

    Attributes:
        ip: Its address.
        port: Its port.
        probes: In this order.
        repeats: How often the canary spoilt it already.
    """

    ip: int
    port: int
    probes: tuple[Probe, ...]
    repeats: int = 0


@dataclass(frozen=True, slots=True)
class Tentative:
    """Answers that count once the canary is found to have been in order all the time.

    Attributes:
        ended_at: Seconds on the shard's clock.
        illnesses: The canary's, when the test began.
        job: The one test that brought them.
        observations: The answers.
    """

    ended_at: float
    illnesses: int
    job: Job
    observations: tuple[Observation, ...]


class Conversations:
    """Tries each probe of a port on each open target, and keeps what was observed.

    Args:
        tests: Each probe of the plan, ready to be tried.
        probes_on: Which of them a port gets.
        hosts: How many connections an address has; shared with discovery.
        canary: The watch over our far end; whoever runs the shard runs it too.
        clock: Seconds, monotonic.
        tasks: Where conversations run; an error of ours in one ends all of them.
        most: Conversations at once.

    Attributes:
        observations: What was seen and is believed.
        finished: Tests that came to an end.
        aborted: Of those, broken off by an opt-out or a stop.
        failures: How variants of them ended early, by kind.
    """

    def __init__(
        self,
        tests: Mapping[Probe, Test],
        probes_on: Callable[[int], tuple[Probe, ...]],
        hosts: Hosts,
        canary: CanaryWatch,
        clock: Callable[[], float],
        *,
        tasks: asyncio.TaskGroup,
        most: int,
    ) -> None:
        self._tests, self._probes_on = tests, probes_on
        self._hosts, self._clock, self._tasks, self._most = hosts, clock, tasks, most
        self._waiting: deque[Job] = deque()
        self._running = 0
        self._quiet = asyncio.Event()
        self._tentative: list[Tentative] = []
        self._canary = canary
        canary.subscribe(self._settle)
        self.observations: list[Observation] = []
        self.finished = 0
        self.aborted = 0
        self.failures: Counter[str] = Counter()

    @property
    def running(self) -> int:
        """Targets being tested now."""
        return self._running

    @property
    def crowded(self) -> bool:
        """Whether so many targets wait that discovery should find no more."""
        return len(self._waiting) >= self._most

    def add(self, ip: int, port: int, probes: tuple[Probe, ...] | None = None) -> None:
        """Test a target as soon as there is room, with all probes of its port or with these."""
        self._put(Job(ip, port, self._probes_on(port) if probes is None else probes))

    async def drain(self) -> None:
        """Wait until every target is tested and every answer is believed."""
        while self._running or self._tentative:
            if self._running:
                self._quiet.clear()
                await self._quiet.wait()
            elif not await self._canary.check():
                await self._canary.recovery()

    def _put(self, job: Job) -> None:
        if self._running >= self._most:
            self._waiting.append(job)
            return
        self._running += 1
        self._tasks.create_task(self._work(job)).add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running -= 1
        if task.cancelled() or task.exception() is not None:
            return
        if self._waiting:
            self._put(self._waiting.popleft())
        if not self._running:
            self._quiet.set()

    async def _work(self, job: Job) -> None:
        seen: Protocol | None = None
        async with self._hosts.connection(job.ip):
            for probe in job.probes:
                if not worth_trying(probe, seen):
                    continue
                await self._canary.recovery()
                illnesses = self._canary.illnesses
                observations = await self._tests[probe](job.ip, job.port)
                self.finished += 1
                self.failures.update(one.failure.value for one in observations if one.failure)
                seen = seen or _mistaken(observations)
                if any(one.failure is Failure.ABORTED for one in observations):
                    self.aborted += 1
                if unproven(observations):
                    one_test = replace(job, probes=(probe,))
                    self._tentative.append(
                        Tentative(self._clock(), illnesses, one_test, observations)
                    )
                else:
                    self.observations.extend(observations)

    def _settle(self, began: float, good: bool) -> None:  # noqa: FBT001 - the watch's callback
        """Believe what ended before a good check and saw no illness; repeat what saw one."""
        waiting, self._tentative = self._tentative, []
        for one in waiting:
            if not good or one.illnesses != self._canary.illnesses:
                self._repeat(one.job)
            elif one.ended_at < began:
                self.observations.extend(one.observations)
            else:
                self._tentative.append(one)

    def _repeat(self, job: Job) -> None:
        if job.repeats >= MOST_REPEATS:
            raise SurveyError(
                "the canary fails again and again in the middle of tests; see to it "
                "(docs/canary.md), then resume the scan"
            )
        self._put(replace(job, repeats=job.repeats + 1))


def unproven(observations: tuple[Observation, ...]) -> bool:
    """Whether an ill canary could be the reason why one of these got no further.

    A test in which a message was taken is never repeated: the relay keeps it and tries later.
    """
    if any(one.probe.is_relay and one.step is Step.SENT for one in observations):
        return False
    return any(_may_hang_on_the_canary(one) for one in observations)


def _may_hang_on_the_canary(seen: Observation) -> bool:
    if not seen.probe.is_relay:
        return seen.step not in (Step.NOTHING, Step.ECHOED)
    if not seen.token:  # a control, or nothing that names our mailboxes was said
        return False
    return seen.step is Step.ACCEPTED or not asked_nobody(seen.code, seen.reply)


def _mistaken(observations: tuple[Observation, ...]) -> Protocol | None:
    """The protocol that answered instead of the probe's own."""
    wrong = (one.protocol for one in observations if one.failure is Failure.WRONG_PROTOCOL)
    return next(wrong, None)
