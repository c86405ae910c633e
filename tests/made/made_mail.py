"""Mail servers for the made scans: each passes what it takes to the canary, or to nobody."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from survey.model.address import format_ip
from survey.model.plan import Endpoint


@dataclass
class MailServer:
    """One mail server at a made door.

    Attributes:
        to: Asks for where its mail goes, or None for a sink.
        puts_off: How often a triplet is asked to come back.
        takes: Which envelopes it takes, by sender.
        takes_nobody: It takes mail for nobody (``<>``), as no mail server does.
        triplets: What it was asked for: peer, sender, recipient, and how often.
        messages: How many it took.
        kept: What a sink took: sender, recipient, message.
    """

    to: Callable[[], Endpoint] | None = None
    puts_off: int = 0
    takes: Callable[[bytes], bool] = lambda sender: True  # noqa: ARG005
    takes_nobody: bool = False
    triplets: Counter[tuple[str, bytes, bytes]] = field(default_factory=Counter)
    messages: int = 0
    kept: list[tuple[bytes, bytes, bytes]] = field(default_factory=list)

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        peer = writer.get_extra_info("peername")[0]
        writer.write(b"220 mail.example.com ESMTP\r\n")
        sender = recipient = b""
        while line := await reader.readline():
            verb = line[:4].upper()
            if verb == b"MAIL":
                sender = line[line.index(b"<") : line.index(b">") + 1]
                writer.write(b"250 ok\r\n")
            elif verb == b"RCPT":
                recipient = line[line.index(b"<") : line.index(b">") + 1]
                writer.write(self._rcpt(peer, sender, recipient))
            elif verb == b"DATA":
                writer.write(b"354 go on\r\n")
                message = await reader.readuntil(b"\r\n.\r\n")
                self.messages += 1
                if self.to is None:
                    self.kept.append((sender, recipient, message))
                else:
                    await deliver(self.to(), sender, recipient, message)
                writer.write(b"250 2.0.0 queued\r\n")
            elif verb == b"QUIT":
                writer.write(b"221 bye\r\n")
                await writer.drain()
                return
            else:
                writer.write(b"250 ok\r\n")

    def _rcpt(self, peer: str, sender: bytes, recipient: bytes) -> bytes:
        if recipient == b"<>" and not self.takes_nobody:
            return b"501 5.1.3 bad recipient address syntax\r\n"
        self.triplets[peer, sender, recipient] += 1
        if self.triplets[peer, sender, recipient] <= self.puts_off:
            return b"450 4.2.0 greylisted, try again later\r\n"
        return b"250 ok\r\n" if self.takes(sender) else b"554 5.7.1 relaying denied\r\n"


async def deliver(to: Endpoint, sender: bytes, recipient: bytes, message: bytes) -> None:
    """Hand a message on."""
    reader, writer = await asyncio.open_connection(format_ip(to.ip), to.port)
    await reader.readline()
    for line in (
        b"HELO relay.example\r\n",
        b"MAIL FROM:" + sender + b"\r\n",
        b"RCPT TO:" + recipient + b"\r\n",
        b"DATA\r\n",
        message,
        b"QUIT\r\n",
    ):
        writer.write(line)
        await reader.readline()
    writer.close()
