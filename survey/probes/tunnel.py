"""What the proxy probes share: ask for a tunnel to our echo host, then to our MX.

The second connection shows whether mail could be sent through the proxy; no mail is.  It is made
if the first one carried, and also if that was refused for its destination's sake: a proxy may let
strangers through to the mail port alone.  One that wants a password, is none, or serves nobody is
left alone.
"""

from collections.abc import Callable
from dataclasses import dataclass

from survey.model.observation import Observation, Protocol
from survey.model.plan import Endpoint
from survey.model.probe import Probe
from survey.probes.context import Context
from survey.probes.secured import Secured
from survey.probes.trial import Trial
from survey.protocols.dialogue import Dialogue
from survey.protocols.token import TokenKind

VARIANTS = ("echo", "mail")
"""To which of our ports, in this order."""

CONNECTIONS = len(VARIANTS)

TLS_PACKETS = 6
"""The handshake: 1 or 2 measured, and 4 for a server with a long chain."""

# Replies that may be about the destination: another port may be let through.  Rules (403, 2), a far
# end that could not be reached (500 and more; 1, 3, 4, 5), the only word of SOCKS4 and telnet.
_OF_THE_DESTINATION: dict[Protocol, frozenset[int | None]] = {
    Protocol.HTTP: frozenset({403, 500, 502, 503, 504}),
    Protocol.SOCKS4: frozenset({0x5B}),
    Protocol.SOCKS5: frozenset({1, 2, 3, 4, 5}),
    Protocol.TELNET: frozenset({None}),
}
_OF_THE_STRANGER = frozenset({"METHOD", "LOGIN"})


@dataclass(frozen=True, slots=True)
class TunnelProbe:
    """One way to ask for a tunnel.

    Attributes:
        probe: Its name.
        dialogue: From the canary's endpoint and the token to what is said.
        packets: What one connection may cost.
        variants: To which of our ports, in this order.
        we_speak_first: Whether it does not wait for the server's first word.
    """

    probe: Probe
    dialogue: Callable[[Endpoint, str], Dialogue]
    packets: int
    variants: tuple[str, ...] = VARIANTS
    we_speak_first: bool = True

    async def run(self, ip: int, port: int, context: Context) -> tuple[Observation, ...]:
        """Try a target: one observation per connection."""
        observed: tuple[Observation, ...] = ()
        for variant in self.variants:
            if not context.wants(variant):
                continue
            to = far_end(context, variant)
            observed += (await self._connect(ip, port, variant, to, context),)
            if not may_carry_more(observed[-1]):
                break
        return observed

    async def _connect(
        self, ip: int, port: int, variant: str, to: Endpoint, context: Context
    ) -> Observation:
        tls = port in context.part(self.probe).tls_ports
        trial = Trial(ip, port, self.probe, variant, to.port, tls)
        token = context.token(trial, TokenKind.TUNNEL)
        limits = context.timeouts
        inner = self.dialogue(to, token)
        secured = Secured(inner) if tls else None
        talk = await context.dialer.converse(
            ip,
            port,
            self.packets + (TLS_PACKETS if tls else 0),
            secured.dialogue() if secured else inner,
            connect=limits.connect,
            reply=limits.reply,
            total=limits.tunnel,
            we_speak_first=self.we_speak_first,
        )
        if secured:
            secured.show(talk.evidence)
        return trial.observed(context.attempt, token, talk)


def far_end(context: Context, variant: str) -> Endpoint:
    """Our port that a variant asks for."""
    canary = context.canary
    to = {"echo": canary.echo, "mail": canary.smtp, "web": canary.web}[variant]
    assert to is not None, "a campaign with http_get has canary.web"
    return to


def may_carry_more(seen: Observation) -> bool:
    """Whether another of our ports is worth a connection after what one of them brought."""
    if seen.nonce:
        return True
    if seen.refused_at is None or seen.refused_at in _OF_THE_STRANGER or seen.protocol is None:
        return False
    return seen.code in _OF_THE_DESTINATION.get(seen.protocol, ())
