"""A scripted mail server: a table of replies, in the clear or inside TLS, in pieces, slowly."""

import asyncio
from collections.abc import Callable

from survey.lab.certificate import server_context

GREETING = b"220 mail.example.com ESMTP\r\n"
TLS_FIRST = b"530 5.7.0 Must issue a STARTTLS command first\r\n"

Reply = bytes | Callable[[bytes], bytes]
"""What is said; or what makes it of the line that was heard."""


class MailServer:
    """Answers by verb; ``greeting`` and ``message`` are words of its own.

    Args:
        replies: Other replies than those of a closed server.
        inside: Other replies once TLS stands.
        at_once: It begins with TLS.

    Attributes:
        heard: Every line that it heard, in the clear or not.
        messages: Every message that it took.
        calls: Connections.
    """

    def __init__(
        self,
        replies: dict[str, Reply] | None = None,
        inside: dict[str, Reply] | None = None,
        *,
        at_once: bool = False,
        piece: int = 0,
        pause: float = 0.0,
    ) -> None:
        self.replies: dict[str, Reply] = {
            "greeting": GREETING,
            "EHLO": b"250-mail.example.com\r\n250-STARTTLS\r\n250 SIZE 1000\r\n",
            "HELO": b"250 mail.example.com\r\n",
            "MAIL": b"250 ok\r\n",
            "RCPT": b"554 5.7.1 relay denied\r\n",
            "RSET": b"250 ok\r\n",
            "DATA": b"354 go on\r\n",
            "message": b"250 queued\r\n",
            "QUIT": b"221 bye\r\n",
            "STARTTLS": b"220 go ahead\r\n",
        } | (replies or {})
        self.inside = self.replies | (inside or {})
        self.at_once, self.piece, self.pause = at_once, piece, pause
        self.heard: list[bytes] = []
        self.messages: list[bytes] = []
        self.calls = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self.calls += 1
        tls = self.at_once
        if tls:
            await writer.start_tls(server_context())
        await self._say(writer, "greeting", b"", tls=tls)
        while line := await reader.readline():
            self.heard.append(line)
            verb = line.split()[0].decode("latin-1").upper() if line.strip() else ""
            reply = await self._say(writer, verb, line, tls=tls)
            if verb == "DATA" and reply.startswith(b"354"):
                self.messages.append(await reader.readuntil(b"\r\n.\r\n"))
                await self._say(writer, "message", b"", tls=tls)
            if verb == "STARTTLS" and reply.startswith(b"220"):
                await writer.start_tls(server_context())
                tls = True
            if verb == "QUIT":
                return

    async def _say(
        self, writer: asyncio.StreamWriter, what: str, line: bytes, *, tls: bool
    ) -> bytes:
        reply = (self.inside if tls else self.replies).get(what, b"500 what?\r\n")
        data = reply(line) if callable(reply) else reply
        if self.pause:
            await asyncio.sleep(self.pause)
        size = self.piece or len(data) or 1
        for at in range(0, len(data), size):
            writer.write(data[at : at + size])
            await writer.drain()
            if size < len(data):
                await asyncio.sleep(0.001)
        return data
