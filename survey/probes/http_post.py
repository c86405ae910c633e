"""The ``http_post`` probe: does this server deliver what strangers post, also to a mail server?

What is sent and concluded: docs/probes/http_post.md.
"""

from survey.model.observation import Observation
from survey.model.probe import Probe
from survey.probes.context import Context
from survey.probes.introduction import introduced
from survey.probes.tunnel import TunnelProbe
from survey.protocols.http_fetch import http_post

PACKETS = 14
"""One connection: 6 measured, 10 if the answer comes in seven pieces, and 4 retransmits
(``dialer.USER_TIMEOUT_MS``)."""


async def run(ip: int, port: int, context: Context) -> tuple[Observation, ...]:
    """Test one target."""
    dialogue = introduced(http_post, context.identity)
    return await TunnelProbe(Probe.HTTP_POST, dialogue, PACKETS).run(ip, port, context)
