"""Is this worker's path honest?  Asked of servers of ours whose answers we know (the controls).

A transparent proxy near the prober, a provider that blocks port 25, a captive portal: each makes
every target look alike, and no single answer shows it.  So before, during and after a shard the
worker tests a control that is open, one that is closed, and one that does not exist.  If one is not
as we know it, the shard is not committed: nothing that was seen over such a path is reported.

A control that is not as known while our own canary is ill says nothing about the path: it is asked
again once that is well.

The controls are the campaign's, frozen in the plan.  Their door is a gate of its own that opens for
them alone (law 1), and they are paid for like any target (law 5).
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

from survey.engine.canary_watch import CanaryWatch
from survey.errors import PathError
from survey.model.address import Range, format_ip
from survey.model.failure import Failure
from survey.model.observation import Observation, Step
from survey.model.plan import KnownAs, PathControl, Plan, ProbePlan
from survey.model.probe import Probe
from survey.probes.context import Context
from survey.probes.dialer import Dialer, Pacer
from survey.probes.messages import Messages
from survey.probes.registry import PROBES
from survey.targets.gate import Gate
from survey.targets.ranges import RangeSet

INTERVAL = 60.0
"""Seconds between two checks during a shard."""

AGAIN = 2.0
"""Seconds until a control that failed is asked once more: one lost packet condemns no path."""

CONNECT_PACKETS = 3

_PROOF = (Step.SENT, Step.ECHOED)


def controls_gate(plan: Plan, lease: Callable[[], bool]) -> Gate:
    """A gate that opens for the plan's controls and for nothing else; opt-outs hold there too."""
    spots = [control.at for control in plan.controls]
    ports = ProbePlan(Probe.SOCKS5, tuple(sorted({at.port for at in spots})))
    ranges = RangeSet.of(Range(at.ip, at.ip) for at in spots).ranges
    return Gate.open(replace(plan, ranges=ranges, probes=(ports,), exclusions=()), lease)


class SelfCheck:
    """The controls of a plan, asked from here.

    Args:
        controls: What to ask, and what we know of each.
        gate: Opens for them alone.
        pacer: The slot's.
        context: The run's; its dialer is not used.
        canary: Ours, which the open controls lead to.

    Attributes:
        checks: How often all of them were found as we know them.
    """

    def __init__(
        self,
        controls: Sequence[PathControl],
        gate: Gate,
        pacer: Pacer,
        context: Context,
        canary: CanaryWatch,
    ) -> None:
        self.checks = 0
        self._controls = controls
        self._canary = canary
        self._gate = gate
        self._dialer = Dialer(gate, pacer, context.identity.source_addresses)
        self._context = replace(context, dialer=self._dialer)

    async def run(self) -> None:
        """Check again and again; the first check has been made before.  Raises as ``check``."""
        while self._controls:
            await asyncio.sleep(INTERVAL)
            await self.check()

    async def check(self) -> None:
        """Ask every control, while the canary is well.

        Raises:
            PathError: One was asked twice and is not as we know it.
        """
        while self._controls:
            await self._canary.recovery()
            illnesses = self._canary.illnesses
            self._gate.refresh()
            problem = await self._problem()
            if not problem:
                self.checks += 1
                return
            if await self._canary.check() and self._canary.illnesses == illnesses:
                raise PathError(
                    f"the path of this worker is not honest: {problem}; nothing of this shard is "
                    "kept"
                )

    async def _problem(self) -> str:
        """Which control is not as we know it, and how, after asking it twice; or ""."""
        complaints = [await self._complaint(control) for control in self._controls]
        if any(complaints):
            await asyncio.sleep(AGAIN)
        for control, complaint in zip(self._controls, complaints, strict=True):
            if complaint and (still := await self._complaint(control)):
                where = f"{format_ip(control.at.ip)}:{control.at.port}"
                return f"the {control.known_as} control {where} {still}"
        return ""

    def close(self) -> None:
        """Break off what is in the air."""
        self._dialer.close()

    async def _complaint(self, control: PathControl) -> str:
        """What is wrong with a control's answer, or ""."""
        if control.probe is None:
            return await self._absent(control)
        context = replace(self._context, messages=Messages())
        if control.probe is Probe.SMTP_RELAY:
            context = replace(context, only=("V1",))
        seen = await PROBES[control.probe].run(control.at.ip, control.at.port, context)
        if control.known_as is KnownAs.OPEN:
            return "" if any(one.step in _PROOF for one in seen) else f"is not open: {_said(seen)}"
        if any(one.step is Step.ACCEPTED or one.step in _PROOF for one in seen):
            return "accepts a stranger"
        return "" if any(one.refused_at for one in seen) else f"does not refuse: {_said(seen)}"

    async def _absent(self, control: PathControl) -> str:
        patience = self._context.timeouts.connect
        answer = await self._dialer.connect(
            control.at.ip, control.at.port, CONNECT_PACKETS, patience
        )
        if isinstance(answer, Failure):
            return ""
        answer.close()
        return "accepts connections"


def _said(seen: tuple[Observation, ...]) -> str:
    """How far the best of it got."""
    best = max(seen, key=lambda one: list(Step).index(one.step), default=None)
    if best is None:
        return "no answer"
    return f"got to {best.step}" + (f", {best.failure}" if best.failure else "")
