"""A second opinion on a proxy: the same course as ``probes.tunnel``, by somebody else's client.

The bytes to the proxy are the library's, and so is what it makes of the replies; the connection is
the dialer's, and its far end is our canary as ever.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic

from survey.model.client import Client
from survey.model.failure import Failure
from survey.model.observation import Observation, Step
from survey.model.plan import Endpoint
from survey.model.probe import Probe
from survey.probes.context import Context
from survey.probes.conversation import Talk
from survey.probes.dialer import unanswered
from survey.probes.splice import Splice
from survey.probes.trial import Trial
from survey.probes.tunnel import VARIANTS, far_end, may_carry_more
from survey.protocols.dialogue import Answer
from survey.protocols.token import TokenKind


@dataclass(frozen=True, slots=True)
class Errand:
    """What a client is to do over one connection.

    Attributes:
        splice: The connection.
        to: Our canary's endpoint.
        token: What to say there.
        context: What all probes share.
    """

    splice: Splice
    to: Endpoint
    token: str
    context: Context

    @property
    def patience(self) -> float:
        """Seconds for each reply."""
        return self.context.timeouts.reply

    def failure(self, otherwise: Failure) -> Failure:
        """Why it ended early: what ended the connection, else what the library made of it."""
        return self.splice.failure or (Failure.CLOSED if self.splice.closed else otherwise)

    @property
    def heard(self) -> bytes:
        """The first bytes that came back."""
        return self.splice.evidence.received


@dataclass(frozen=True, slots=True)
class TunnelOpinion:
    """One client that can ask for a tunnel.

    Attributes:
        probe: Whose test it repeats.
        client: Its name.
        packets: What one connection may cost.
        run_errand: Ask for the tunnel, talk with our canary, say how far it got.
        variants: To which of our ports, in this order.
    """

    probe: Probe
    client: Client
    packets: int
    run_errand: Callable[[Errand], Awaitable[Answer]]
    variants: tuple[str, ...] = VARIANTS

    async def run(self, ip: int, port: int, context: Context) -> tuple[Observation, ...]:
        """Try a target: one observation per connection."""
        observed: tuple[Observation, ...] = ()
        for variant in self.variants:
            if not context.wants(variant):
                continue
            to = far_end(context, variant)
            trial = Trial(ip, port, self.probe, variant, to.port)
            observed += (await self._connect(trial, to, context),)
            if not may_carry_more(observed[-1]):
                break
        return observed

    async def _connect(self, trial: Trial, to: Endpoint, context: Context) -> Observation:
        token = context.token(trial, TokenKind.TUNNEL)
        limits = context.timeouts
        dialled = await context.dialer.connect(trial.ip, trial.port, self.packets, limits.connect)
        if isinstance(dialled, Failure):
            return trial.observed(context.attempt, token, unanswered(dialled))
        started, started_at = monotonic(), datetime.now(UTC)
        allowance = context.dialer.allowance(self.packets)
        splice = Splice(dialled, trial.ip, allowance=allowance, total=limits.tunnel)
        with context.dialer.running_one(splice):
            async with splice:
                answer = await self.run_errand(Errand(splice, to, token, context))
                splice.kindly = answer.step is Step.ECHOED
        talk = Talk(answer, started_at, monotonic() - started, splice.evidence)
        return trial.observed(context.attempt, token, talk)
