"""The only way out of the lab: to the canary that it was given, and nowhere else.

Whoever finds the lab's proxies can't use them: any other destination is refused by rule, before a
socket is made.
"""

import asyncio
import socket

from survey.lab.listening import bind_to_loopback
from survey.lab.peer import Peer
from survey.model.address import format_ip, parse_ip
from survey.model.plan import Canary, Endpoint

_IP_BIND_ADDRESS_NO_PORT = 24
_PATIENCE = 10.0


class WayOut:
    """Connections to the canary's endpoints.

    Args:
        canary: The only far end there is.
        present: Where connections note that they stand.
    """

    def __init__(self, canary: Canary, present: set[Peer]) -> None:
        self.canary = canary
        self.refused = 0
        """How often somebody asked for another destination."""
        self._present = present
        self._domains = {domain.lower().encode() for domain in canary.domains}

    def endpoint(self, host: bytes, port: int) -> Endpoint | None:
        """The canary's endpoint of that name or address and port; None for anything else."""
        named = host.lower() in self._domains
        for _, endpoint in self.canary.doors:
            if endpoint.port == port and (named or _is(host, endpoint.ip)):
                return endpoint
        self.refused += 1
        return None

    def is_mail(self, endpoint: Endpoint) -> bool:
        """Whether it is the canary's mail port."""
        return endpoint == self.canary.smtp

    def is_ours(self, mailbox: bytes) -> bool:
        """Whether a mailbox is in one of the canary's domains."""
        return mailbox.rpartition(b"@")[2].lower() in self._domains

    async def connect(self, source_ip: int, endpoint: Endpoint) -> socket.socket:
        """A connected socket to the canary from one of the lab's addresses.

        Raises:
            OSError: The canary does not answer.
        """
        assert any(endpoint == door for _, door in self.canary.doors), endpoint
        link = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            link.setblocking(False)
            bind_to_loopback(link)
            link.setsockopt(socket.IPPROTO_IP, _IP_BIND_ADDRESS_NO_PORT, 1)
            link.bind((format_ip(source_ip), 0))
            async with asyncio.timeout(_PATIENCE):
                await asyncio.get_running_loop().sock_connect(
                    link, (format_ip(endpoint.ip), endpoint.port)
                )
        except BaseException:
            link.close()
            raise
        return link

    async def dial(self, source_ip: int, endpoint: Endpoint) -> Peer | None:
        """A conversation with the canary; None if it does not answer."""
        try:
            link = await self.connect(source_ip, endpoint)
        except OSError:
            return None
        loop = asyncio.get_running_loop()
        _, peer = await loop.create_connection(lambda: Peer(self._present), sock=link)
        return peer


def _is(host: bytes, ip: int) -> bool:
    try:
        return parse_ip(host.decode("ascii")) == ip
    except ValueError:
        return False
