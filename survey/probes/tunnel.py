"""What the proxy probes share: ask for a tunnel to our echo host and, if it carried, to our MX.

The second connection shows that mail could be sent through the proxy; no mail is.
"""

from collections.abc import Callable
from dataclasses import dataclass

from survey.model.observation import Observation
from survey.model.plan import Endpoint
from survey.model.probe import Probe
from survey.probes.context import Context
from survey.probes.trial import Trial
from survey.protocols.dialogue import Dialogue
from survey.protocols.token import TokenKind

CONNECTIONS = 2
"""At most: variant ``echo``, then variant ``mail``."""


@dataclass(frozen=True, slots=True)
class TunnelProbe:
    """One way to ask for a tunnel.

    Attributes:
        probe: Its name.
        dialogue: From the canary's endpoint and the token to what is said.
        packets: What one connection may cost.
    """

    probe: Probe
    dialogue: Callable[[Endpoint, str], Dialogue]
    packets: int

    async def run(self, ip: int, port: int, context: Context) -> tuple[Observation, ...]:
        """Try a target: one observation per connection; to the MX only if the first one carried."""
        observed: tuple[Observation, ...] = ()
        for variant, to in (("echo", context.canary.echo), ("mail", context.canary.smtp)):
            if not context.wants(variant):
                continue
            observed += (await self._connect(ip, port, variant, to, context),)
            if not observed[-1].nonce:
                break
        return observed

    async def _connect(
        self, ip: int, port: int, variant: str, to: Endpoint, context: Context
    ) -> Observation:
        trial = Trial(ip, port, self.probe, variant, to.port)
        token = context.token(trial, TokenKind.TUNNEL)
        limits = context.timeouts
        talk = await context.dialer.converse(
            ip,
            port,
            self.packets,
            self.dialogue(to, token),
            connect=limits.connect,
            reply=limits.reply,
            total=limits.tunnel,
        )
        return trial.observed(context.attempt, token, talk)
