"""The ``telnet`` probe: is this an old telnet gateway that serves strangers?

What is sent and concluded: docs/probes/telnet.md.
"""

from survey.model.observation import Observation
from survey.model.probe import Probe
from survey.probes.context import Context
from survey.probes.tunnel import TunnelProbe
from survey.protocols.telnet import telnet

PACKETS = 16
"""One connection: 9 or 10 measured, 2 to spare, and 4 retransmits (``dialer.USER_TIMEOUT_MS``)."""

_PROBE = TunnelProbe(Probe.TELNET, telnet, PACKETS, we_speak_first=False)


async def run(ip: int, port: int, context: Context) -> tuple[Observation, ...]:
    """Test one target."""
    return await _PROBE.run(ip, port, context)
