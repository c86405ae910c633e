"""Our MX: takes mail for tokens and for our staff, proves what it can, and relays nothing.

Connection, lines and dispatch are aiosmtpd's, inside our own loop; the commands are ours, since the
envelope has to be seen as it was sent, and since a message of a stranger is searched and dropped.
"""

import asyncio
import logging
from dataclasses import dataclass
from typing import Any, cast

from aiosmtpd.smtp import SMTP

from survey.canary.crowd import Crowd
from survey.canary.delivery import TOO_BIG, Delivery, Transaction
from survey.canary.desk import FAILING, Desk
from survey.canary.durable import Durable
from survey.canary.limits import Limits
from survey.canary.mailbox import Mailbox, Recipient, understand
from survey.canary.path import parse_path
from survey.canary.visit import Visit
from survey.model.arrival import ArrivalKind

# aiosmtpd logs peers and their words; nothing about single hosts may be in a log (law 8)
logging.getLogger("mail.log").disabled = True

_OK = b"250 2.0.0 OK"
_REPEATED = b"451 4.7.1 This token was here too often"
_FULL = b"421 4.3.2 Too many connections, try again later"


@dataclass(frozen=True, slots=True)
class MailHost:
    """The listener's side: makes one conversation per connection."""

    desk: Desk
    crowd: Crowd
    limits: Limits
    domains: frozenset[bytes]
    delivery: Delivery

    def __call__(self) -> "MailConversation":
        """The conversation of one more connection."""
        return MailConversation(self)


class _Words(dict[str, Any]):
    """Commands by name; any other word gets an answer too.

    aiosmtpd hangs up after five unknown words, but the header of an HTTP proxy's POST block brings
    more of them before the NOOP in its body.
    """

    def __init__(self, conversation: "MailConversation") -> None:
        known = ("HELO", "EHLO", "MAIL", "RCPT", "DATA", "RSET", "NOOP", "QUIT")
        super().__init__({word: getattr(conversation, f"smtp_{word}") for word in known})
        self._unknown = conversation.unknown

    def get(self, word: str, default: Any = None) -> Any:  # noqa: ARG002 - dict's signature
        return super().get(word, self._unknown)


class MailConversation(SMTP):  # type: ignore[misc]  # aiosmtpd is untyped
    """One connection to our MX."""

    envelope: Transaction

    line_length_limit = 4096  # relays send longer lines than they may
    command_size_limit = 1024

    def __init__(self, host: MailHost) -> None:
        super().__init__(
            _Hooks(self),
            hostname=host.desk.name,
            ident=f"ESMTP {host.desk.about}".rstrip(),
            data_size_limit=host.limits.message_bytes,
            enable_SMTPUTF8=True,  # commands keep their 8-bit bytes; it is not advertised
            timeout=host.limits.mail_idle_seconds,
            loop=asyncio.get_running_loop(),
        )
        self._smtp_methods = _Words(self)
        self._host = host
        self._visit: Visit | None = None
        self._replies = 0

    # -- the connection --------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Let in, or turn away."""
        desk = self._host.desk
        self._guest = transport = cast("asyncio.Transport", transport)
        visit = Visit.of(desk, transport)
        if not self._host.crowd.enter(transport, visit.peer, desk.monotonic()):
            transport.write(_FULL + b"\r\n")
            transport.close()
            desk.floodgate.unlisted += 1
            return
        self._visit = visit
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Keep the first bytes before anything is made of them, and cut off who sends too much."""
        if self._visit is None:
            return
        self._visit.hear(data)
        if self._visit.size > self._host.limits.session_bytes:
            self._guest.abort()
            return
        super().data_received(data)

    def eof_received(self) -> bool:
        """The peer will say no more; what it said is still read (aiosmtpd would drop it)."""
        if self._visit is None:
            return False
        self._reader.feed_eof()
        return True

    def connection_lost(self, error: Exception | None) -> None:
        """Put on record what the visit was."""
        if self._visit is None:
            return
        super().connection_lost(error)
        self._host.crowd.leave(self._guest)
        self._visit.end()

    async def push(self, status: str | bytes) -> None:
        """Say one reply; the last one that we allow says goodbye."""
        self._replies += 1
        if self._replies == self._host.limits.replies:
            status = b"421 4.7.0 Too many commands"
        await super().push(status)
        if self._replies >= self._host.limits.replies:
            self._guest.close()

    def make_last(self) -> None:
        """Whatever is said next is the last word."""
        self._replies = self._host.limits.replies

    def _create_envelope(self) -> Transaction:
        return Transaction()

    # -- the commands ----------------------------------------------------------------------------

    async def smtp_HELO(self, hostname: str | None) -> None:  # noqa: N802 - aiosmtpd's names
        """HELO: like EHLO without extensions."""
        await self._hello(hostname, b"250 %s" % self.hostname.encode("ascii"))

    async def smtp_EHLO(self, hostname: str | None) -> None:  # noqa: N802
        """EHLO: no AUTH, no STARTTLS, nothing to relay with."""
        answer = f"250-{self.hostname}\r\n250-SIZE {self.data_size_limit}\r\n250 8BITMIME"
        await self._hello(hostname, answer.encode("ascii"))

    async def smtp_NOOP(self, arg: str | None) -> None:  # noqa: N802
        """NOOP: with a tunnel token for this port, the proof; else a sign of health."""
        visit = self._own()
        argument = _bytes(arg)
        asked = visit.tunnel_nonce(argument)
        if asked is None:
            visit.overheard(argument)
            await self.push(_OK if self._host.desk.log.healthy else FAILING)
            return
        token, claims, nonce = asked
        durable = Durable()
        if not visit.note(ArrivalKind.TUNNEL, token, claims, durable.add(), nonce=nonce):
            await self.push(_REPEATED)
        elif await durable.all():
            await self.push(f"250 2.0.0 {nonce}")
        else:
            await self.push(FAILING)

    async def smtp_MAIL(self, arg: str | None) -> None:  # noqa: N802
        """MAIL FROM: anybody may send."""
        if await self.check_helo_needed():
            return
        path = parse_path(_bytes(arg), b"FROM:")
        if self.envelope.sender is not None:
            await self.push(b"503 5.5.1 Nested MAIL")
        elif path is None:
            await self.push(b"501 5.5.4 Syntax: MAIL FROM:<address>")
        elif path.size > self._host.limits.message_bytes:
            await self.push(TOO_BIG)
        else:
            visit = self._own()
            visit.sender = self.envelope.sender = path.address
            visit.overheard(path.address)
            await self.push(b"250 2.1.0 OK")

    async def smtp_RCPT(self, arg: str | None) -> None:  # noqa: N802
        """RCPT TO: tokens of ours, postmaster and abuse; nobody else."""
        path = parse_path(_bytes(arg), b"TO:")
        if self.envelope.sender is None:
            await self.push(b"503 5.5.1 Need MAIL first")
        elif path is None or not path.address:
            await self.push(b"501 5.5.4 Syntax: RCPT TO:<address>")
        elif len(self.envelope.recipients) >= self._host.limits.recipients:
            await self.push(b"452 4.5.3 Too many recipients")
        else:
            desk = self._host.desk
            recipient = understand(desk.key, self._host.domains, path.address)
            self._expect(recipient)
            if recipient.mailbox.accepted:
                self.envelope.recipients.append(recipient)
                await self.push(b"250 2.1.5 OK")
            elif recipient.mailbox is Mailbox.FOREIGN:
                await self.push(b"550 5.7.1 Relaying denied")
            else:
                await self.push(b"550 5.1.1 No such mailbox")

    async def smtp_DATA(self, arg: str | None) -> None:  # noqa: N802
        """DATA: the whole message, on record before its 250."""
        if not self.envelope.recipients:
            await self.push(b"503 5.5.1 Need RCPT first")
            return
        if arg:
            await self.push(b"501 5.5.4 Syntax: DATA")
            return
        await self.push(b"354 End data with <CR><LF>.<CR><LF>")
        message, size = await self._message()
        transaction, self.envelope = self.envelope, Transaction()
        await self.push(await self._host.delivery.deliver(self._own(), transaction, message, size))
        self._own().sender = b""

    async def unknown(self, arg: str | None) -> None:  # noqa: ARG002 - the shape of a command
        """Everything else: AUTH, VRFY, EXPN, ETRN, STARTTLS and what is no SMTP at all."""
        await self.push(b"502 5.5.1 Not implemented")

    # -- what they are made of -------------------------------------------------------------------

    def _own(self) -> Visit:
        assert self._visit is not None
        return self._visit

    async def _hello(self, name: str | None, answer: bytes) -> None:
        if not name:
            await self.push(b"501 5.5.4 Syntax: EHLO hostname")
            return
        self.envelope = Transaction()
        self.session.host_name = name
        visit = self._own()
        visit.helo = _bytes(name)
        visit.overheard(visit.helo)
        await self.push(answer)

    def _expect(self, recipient: Recipient) -> None:
        """Unless a message follows, a recipient is somebody's question whether it exists."""
        if recipient.claims is None:
            return
        known = recipient.mailbox in (Mailbox.RECIPIENT, Mailbox.SENDER)
        kind = ArrivalKind.CALLOUT if known else ArrivalKind.STRAY
        self._own().expect(kind, recipient.token, recipient.claims)

    async def _message(self) -> tuple[bytes, int]:
        """The message without its dots (RFC 5321 s4.5.2) and its size; b"" if it is too big."""
        message = bytearray()
        size = 0
        fresh = True  # at the start of a line
        while True:
            try:
                piece = await self._reader.readuntil(b"\r\n")
            except asyncio.LimitOverrunError as error:
                piece = await self._reader.read(error.consumed)
            if fresh and piece == b".\r\n":
                break
            if fresh and piece.startswith(b"."):
                piece = piece[1:]
            fresh = piece.endswith(b"\r\n")
            size += len(piece)
            if size <= self._host.limits.message_bytes:
                message += piece
        return (bytes(message) if size <= self._host.limits.message_bytes else b""), size


class _Hooks:
    """What aiosmtpd asks of a handler."""

    def __init__(self, conversation: MailConversation) -> None:
        self._conversation = conversation

    async def handle_exception(self, error: Exception) -> str:
        """A peer that has said all is let go; anything else is a mistake of ours."""
        if not isinstance(error, asyncio.IncompleteReadError):
            self._conversation.loop.call_exception_handler(
                {"message": "a conversation of our MX failed", "exception": error}
            )
        self._conversation.make_last()
        return "421 4.3.0 Closing"


def _bytes(argument: str | None) -> bytes:
    """The bytes of an argument as they came."""
    return (argument or "").encode("utf-8", "surrogateescape")
