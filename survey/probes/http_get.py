"""The ``http_get`` probe: does this server fetch pages for strangers?

What is sent and concluded: docs/probes/http_get.md.
"""

from survey.model.observation import Observation
from survey.model.probe import Probe
from survey.probes.context import Context
from survey.probes.introduction import introduced
from survey.probes.tunnel import TunnelProbe
from survey.protocols.http_fetch import http_get

PACKETS = 14
"""One connection: 6 measured, 10 if the answer comes in seven pieces, and 4 retransmits
(``dialer.USER_TIMEOUT_MS``)."""

VARIANTS = ("web",)


async def run(ip: int, port: int, context: Context) -> tuple[Observation, ...]:
    """Test one target."""
    dialogue = introduced(http_get, context.identity)
    return await TunnelProbe(Probe.HTTP_GET, dialogue, PACKETS, VARIANTS).run(ip, port, context)
