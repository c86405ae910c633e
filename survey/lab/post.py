"""The lab's mail on its way out: every message goes to the canary's MX, whomever it is for.

The lab's mail servers have the canary as their smarthost.  What it refuses is dropped: the lab
bounces nothing, except where a personality is one that bounces, and then into the canary's own
domains only.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiosmtplib

from survey.lab.way_out import WayOut

MOST_WAITING = 10_000
"""Messages in the queue; what comes on top is dropped."""
_CARRIERS = 32
_TRIES = 4
_FIRST_PAUSE = 0.5
_PATIENCE = 15.0


@dataclass(frozen=True, slots=True)
class Letter:
    """One message in the queue.

    Attributes:
        exit_ip: Address that it is delivered from.
        helo: What the server calls itself.
        sender: Envelope sender, "" for the null sender.
        recipients: Envelope recipients.
        content: The message, with CRLF line ends.
    """

    exit_ip: int
    helo: str
    sender: bytes
    recipients: tuple[bytes, ...]
    content: bytes


class PostOffice:
    """The queue and its carriers; see ``delivering``."""

    def __init__(self, out: WayOut) -> None:
        self.delivered = 0
        """Messages that the canary took."""
        self.dropped = 0
        """Messages that it refused for good, or that did not fit."""
        self._out = out
        self._open = False
        self._queue: asyncio.Queue[Letter] = asyncio.Queue(MOST_WAITING)

    def post(self, letter: Letter) -> None:
        """Put a message into the queue."""
        try:
            self._queue.put_nowait(letter)
        except asyncio.QueueFull:
            self.dropped += 1

    @asynccontextmanager
    async def delivering(self) -> AsyncIterator[None]:
        """Deliver while the block runs; what is still in the queue at its end stays there."""
        self._open = True
        loop = asyncio.get_running_loop()
        carriers = [loop.create_task(self._carry()) for _ in range(_CARRIERS)]
        try:
            yield
        finally:
            # Before Python 3.12, wait_for may swallow a cancellation: _open ends the carrier then.
            self._open = False
            for carrier in carriers:
                carrier.cancel()
            await asyncio.wait(carriers)

    async def call_out(self, exit_ip: int, helo: str, mailbox: bytes) -> bool:
        """Ask the canary whether it takes mail for one of its own mailboxes; send none."""
        if not self._out.is_ours(mailbox):
            return False
        try:
            async with self._canary(exit_ip, helo) as canary:
                await _command(canary, b"MAIL FROM:<>")
                await _command(canary, b"RCPT TO:<%b>" % mailbox)
        except (OSError, aiosmtplib.SMTPException):
            return False
        return True

    async def _carry(self) -> None:
        while self._open:
            letter = await self._queue.get()
            if await self._delivered(letter):
                self.delivered += 1
            else:
                self.dropped += 1

    async def _delivered(self, letter: Letter) -> bool:
        for attempt in range(_TRIES):
            try:
                async with self._canary(letter.exit_ip, letter.helo) as canary:
                    await _command(canary, b"MAIL FROM:<%b>" % letter.sender)
                    for recipient in letter.recipients:
                        await _command(canary, b"RCPT TO:<%b>" % recipient)
                    await canary.data(letter.content)
            except aiosmtplib.SMTPResponseException as refusal:
                if refusal.code >= 500:  # noqa: PLR2004 - 5xx: never try again (RFC 5321 4.2.1)
                    return False
            except (OSError, aiosmtplib.SMTPException):
                pass
            else:
                return True
            await asyncio.sleep(_FIRST_PAUSE * 2**attempt)
        return False

    @asynccontextmanager
    async def _canary(self, exit_ip: int, helo: str) -> AsyncIterator[aiosmtplib.SMTP]:
        """A session with the canary's MX, past its EHLO."""
        link = await self._out.connect(exit_ip, self._out.canary.smtp)
        session = aiosmtplib.SMTP(
            sock=link, local_hostname=helo, start_tls=False, timeout=_PATIENCE
        )
        async with session:
            await session.ehlo()
            yield session


async def _command(canary: aiosmtplib.SMTP, line: bytes) -> None:
    """Say one line of the envelope, as it is; aiosmtplib's own methods rewrite addresses.

    Raises:
        aiosmtplib.SMTPResponseException: The canary refused.
    """
    code, text = await canary.execute_command(line)
    if code >= 400:  # noqa: PLR2004 - 4xx and 5xx are refusals
        raise aiosmtplib.SMTPResponseException(code, text)
