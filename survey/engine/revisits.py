"""A round's shard: single targets tested again, without discovery before.

A follow-up is about a target that answered once, so its test dials it at once and leaves a row
whatever comes: silence, too, is an answer then.  It stands where discovery stands in a scan's
shard, and counts in the same words: a target is sent, or kept back by the gate.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from survey.engine.conversations import Test
from survey.engine.discovery import Heard, Tally
from survey.engine.supply import KeptBack
from survey.model.failure import Failure
from survey.model.followup import Reason, Visit
from survey.model.observation import Observation, Step
from survey.model.probe import Probe
from survey.probes.context import Context
from survey.probes.opinion import second_opinion
from survey.probes.registry import PROBES
from survey.targets.gate import Gate

LOOK = 0.05
"""Seconds between two looks whether more may be begun."""

Add = Callable[[int, int, tuple[Probe, ...]], None]
"""Tries these probes on an address and a port as soon as there is room."""

_OUTCOMES = ("open", "refused", "unreachable", "silent", "opted_out", "excluded")
"""Of a target's visits the first of these that came counts for the target."""

_UNANSWERED = {Failure.CONNECT_TIMEOUT: "silent", Failure.UNREACHABLE: "unreachable"}


class Revisits:
    """The visits of one shard, each made once.

    Args:
        visits: What is to be done.
        context: What probes share.
        gate: Says why a target was kept back.
        holds: While it says True nothing new is begun.
    """

    in_air = 0
    """Connects under way beside those of the conversations."""

    heard = Heard()
    """Nothing: a connection's kernel tells nothing more."""

    def __init__(
        self, visits: Sequence[Visit], context: Context, gate: Gate, holds: Callable[[], bool]
    ) -> None:
        self._visits = {(one.ip, one.port, one.probe): one for one in visits}
        assert len(self._visits) == len(visits), "a target is tested once in a round"
        self._context, self._gate, self._holds = context, gate, holds
        self._outcomes: dict[tuple[int, int], str] = {}
        self._add: Add

    @property
    def tests(self) -> dict[Probe, Test]:
        """Each probe of the visits, ready to be tried on an address and a port."""
        return {visit.probe: self._test(visit.probe) for visit in self._visits.values()}

    @property
    def targets(self) -> int:
        """(address, port) pairs."""
        return len({(ip, port) for ip, port, _ in self._visits})

    @property
    def tally(self) -> Tally:
        """How those that were dialled answered."""
        counts = Counter(self._outcomes.values())
        answered = {word: counts[word] for word in _OUTCOMES[:4]}
        return Tally(sent=sum(answered.values()), **answered)

    @property
    def kept_back(self) -> KeptBack:
        """Those that were not dialled, by why."""
        counts = Counter(self._outcomes.values())
        return KeptBack(excluded=counts["excluded"], opted_out=counts["opted_out"])

    def send_to(self, add: Add) -> None:
        """Who carries the tests out."""
        self._add = add

    async def run(self) -> None:
        """Hand every visit over, no faster than there is room."""
        for visit in self._visits.values():
            while self._holds():  # noqa: ASYNC110 - room, a lease and the canary tell nobody
                await asyncio.sleep(LOOK)
            self._add(visit.ip, visit.port, (visit.probe,))

    def close(self) -> None:
        """Nothing is in the air here; the dialer breaks off the conversations."""

    def _test(self, probe: Probe) -> Test:
        async def test(ip: int, port: int) -> tuple[Observation, ...]:
            visit = self._visits[ip, port, probe]
            rows = await self._make(visit)
            self._note(visit, rows)
            return tuple(row for row in rows if not _kept_back(row))

        return test

    async def _make(self, visit: Visit) -> tuple[Observation, ...]:
        context = replace(
            self._context,
            dialer=self._context.dialer.sending_from(visit.source),
            attempt=visit.attempt,
            only=visit.variants or None,
            token_attempt=visit.token_attempt,
        )
        if visit.reason is Reason.SECOND_OPINION:
            rows = await second_opinion(
                visit.probe, visit.ip, visit.port, context, independent=visit.independent
            )
        else:
            rows = await PROBES[visit.probe].run(visit.ip, visit.port, context)
        return tuple(replace(row, reason=str(visit.reason)) for row in rows)

    def _note(self, visit: Visit, rows: tuple[Observation, ...]) -> None:
        """Count a target by the best of what its visits came to."""
        outcome = self._outcome(visit.ip, rows[0])
        target = (visit.ip, visit.port)
        known = self._outcomes.get(target, outcome)
        self._outcomes[target] = min(known, outcome, key=_OUTCOMES.index)

    def _outcome(self, ip: int, row: Observation) -> str:
        if _kept_back(row):
            fate = self._gate.sort(np.array([ip], dtype=np.uint32))
            return "opted_out" if fate.opted_out[0] else "excluded"
        if row.step is not Step.NOTHING or row.failure is None:
            return "open"
        return _UNANSWERED.get(row.failure, "refused")


def _kept_back(row: Observation) -> bool:
    """Whether the gate said no when it was to be dialled, so that nothing was sent."""
    return row.step is Step.NOTHING and row.failure is Failure.ABORTED
