"""The ``socks4`` probe: does this server open tunnels for strangers? (docs/probes/socks4.md)."""

from survey.model.observation import Observation
from survey.model.plan import Endpoint
from survey.model.probe import Probe
from survey.probes.context import Context
from survey.probes.tunnel import TunnelProbe
from survey.protocols.dialogue import Dialogue
from survey.protocols.socks import socks4, socks4_request

PACKETS = 12
"""One connection: 6 or 7 measured, one to spare, and 4 retransmits (``dialer.USER_TIMEOUT_MS``)."""


def _dialogue(to: Endpoint, token: str) -> Dialogue:
    return socks4(socks4_request(to), token)


_PROBE = TunnelProbe(Probe.SOCKS4, _dialogue, PACKETS)


async def run(ip: int, port: int, context: Context) -> tuple[Observation, ...]:
    """Test one target."""
    return await _PROBE.run(ip, port, context)
