"""The ``http_connect`` probe: does this server open tunnels for strangers?

What is sent and concluded: docs/probes/http_connect.md.
"""

from survey.model.observation import Observation
from survey.model.probe import Probe
from survey.probes.context import Context
from survey.probes.introduction import introduced
from survey.probes.tunnel import TunnelProbe
from survey.protocols.http import http_connect

PACKETS = 12
"""One connection: 6 or 7 measured, one to spare, and 4 retransmits (``dialer.USER_TIMEOUT_MS``)."""


async def run(ip: int, port: int, context: Context) -> tuple[Observation, ...]:
    """Test one target."""
    dialogue = introduced(http_connect, context.identity)
    return await TunnelProbe(Probe.HTTP_CONNECT, dialogue, PACKETS).run(ip, port, context)
