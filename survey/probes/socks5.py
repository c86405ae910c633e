"""The ``socks5`` probe: does this server open tunnels for strangers? (docs/probes/socks5.md)."""

from survey.model.observation import Observation
from survey.model.probe import Probe
from survey.probes.context import Context
from survey.probes.tunnel import TunnelProbe
from survey.protocols.socks import socks5

PACKETS = 13
"""One connection: 7 or 8 measured, one to spare, and 4 retransmits (``dialer.USER_TIMEOUT_MS``)."""

_PROBE = TunnelProbe(Probe.SOCKS5, socks5, PACKETS)


async def run(ip: int, port: int, context: Context) -> tuple[Observation, ...]:
    """Test one target."""
    return await _PROBE.run(ip, port, context)
