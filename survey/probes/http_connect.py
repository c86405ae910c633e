"""The ``http_connect`` probe: does this server open tunnels for strangers?

What is sent and concluded: docs/probes/http_connect.md.
"""

from survey.model.observation import Observation
from survey.model.plan import Endpoint, Identity
from survey.model.probe import Probe
from survey.probes.context import Context
from survey.probes.tunnel import TunnelProbe
from survey.protocols.dialogue import Dialogue
from survey.protocols.http import http_connect

PACKETS = 12
"""One connection: 6 or 7 measured, one to spare, and 4 retransmits (``dialer.USER_TIMEOUT_MS``)."""


def agent(identity: Identity) -> str:
    """What we call ourselves: the survey, where it is explained, and whom to write to."""
    text = f"secure-your-server (+{identity.page}; {identity.contact})"
    return "".join(each if " " <= each <= "~" else "?" for each in text)


async def run(ip: int, port: int, context: Context) -> tuple[Observation, ...]:
    """Test one target."""
    name = agent(context.identity)

    def dialogue(to: Endpoint, token: str) -> Dialogue:
        return http_connect(to, name, token)

    return await TunnelProbe(Probe.HTTP_CONNECT, dialogue, PACKETS).run(ip, port, context)
