"""A second look at a few targets, to tell how many open ports one look misses.

No loss is seen from where it happens: a SYN or its answer that is dropped on the way makes an open
port look silent.  So one target in a thousand, by a keyed choice, is dialled once more when the
shard's discovery and conversations are over: in the same way, through the same gate and within the
same caps.  Who accepts now and did not before was missed.

It only measures.  What it finds is not tested, or the thousandth would be looked at more closely
than the rest.
"""

from dataclasses import replace
from functools import partial

from survey.engine.method import Finding, OnOpen, Surroundings, open_again
from survey.model.assignment import Assignment
from survey.model.discovery import Method
from survey.model.plan import Plan
from survey.targets.shards import recheck_targets


class Recheck:
    """The second look of one shard; it has to be told what the first one found.

    Attributes:
        reopened: Targets that accepted the second connection.
        missed: Of those, had not accepted the first.
    """

    def __init__(self, plan: Plan, assignment: Assignment, around: Surroundings) -> None:
        self._finding: Finding | None = None
        self._first: set[tuple[int, int]] = set()
        self.reopened = self.missed = 0
        sample = recheck_targets(plan, assignment.shard)
        self._sample = frozenset(zip(sample.ips.tolist(), sample.ports.tolist(), strict=True))
        if plan.discovery.method is Method.IMPORT:
            self._sample = frozenset()  # nothing was dialled the first time
        around = replace(around, on_open=self._again)
        self._open = partial(open_again, plan, assignment, around, sample)

    @property
    def rechecked(self) -> int:
        """Targets that were dialled a second time."""
        return self._finding.tally.sent if self._finding else 0

    @property
    def in_air(self) -> int:
        """Of those, may still answer."""
        return self._finding.in_air if self._finding else 0

    def noting(self, on_open: OnOpen) -> OnOpen:
        """The same for the first look, which is heard here, too."""

        def noted(ip: int, port: int) -> None:
            if (ip, port) in self._sample:
                self._first.add((ip, port))
            on_open(ip, port)

        return noted if self._sample else on_open

    async def run(self) -> None:
        """Dial them, inside the running event loop, after everything else.

        Raises:
            GateClosedError: The gate can't know who may be dialled.
            SurveyError: This machine can't.
        """
        if self._sample:
            self._finding = self._open()
            await self._finding.run()

    def close(self) -> None:
        """Break off."""
        if self._finding:
            self._finding.close()

    def _again(self, ip: int, port: int) -> None:
        self.reopened += 1
        self.missed += (ip, port) not in self._first
