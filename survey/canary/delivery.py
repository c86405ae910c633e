"""What becomes of a message: one arrival per recipient, or a file for our staff, or nothing."""

import asyncio
from dataclasses import dataclass, field, replace

from survey.canary.body import holds, readable
from survey.canary.desk import FAILING, Desk
from survey.canary.durable import Durable
from survey.canary.limits import Limits
from survey.canary.mailbox import Mailbox, Recipient
from survey.canary.postmaster import PostmasterFolder
from survey.canary.visit import Visit
from survey.errors import StorageError
from survey.model.arrival import ArrivalKind
from survey.protocols.token import Claims, TokenKind, make_token

TOO_BIG = b"552 5.3.4 Message too big"
_OK = b"250 2.0.0 OK"
_FULL = b"452 4.2.2 Mailbox full, try again later"


@dataclass(slots=True)
class Transaction:
    """One mail transaction (RFC 5321 s3.3).

    Attributes:
        sender: Envelope sender, ``b""`` for null; None before MAIL.
        recipients: Those that we accepted.
    """

    sender: bytes | None = None
    recipients: list[Recipient] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Delivery:
    """Where the MX puts what it took.

    Attributes:
        desk: Key, log and clocks.
        limits: The longest message.
        postmaster: Mail to our staff.
    """

    desk: Desk
    limits: Limits
    postmaster: PostmasterFolder

    async def deliver(
        self, visit: Visit, transaction: Transaction, message: bytes, size: int
    ) -> bytes:
        """Record the message for each of its recipients, then say the reply to its end.

        Args:
            visit: Who brought it.
            transaction: Its envelope.
            message: All of it, or b"" if it is longer than the limit.
            size: Its length.
        """
        wanted = any(to.mailbox is Mailbox.RECIPIENT for to in transaction.recipients)
        body = readable(message) if wanted else b""
        durable = Durable()
        for recipient in transaction.recipients:
            if recipient.claims is None:
                continue
            kind = _kind(recipient.mailbox, transaction.sender)
            complete = kind is ArrivalKind.MESSAGE and self._holds_own(body, recipient.claims)
            then = durable.add()
            if not visit.note(
                kind, recipient.token, recipient.claims, then, complete=complete, size=size
            ):
                then(True)  # only counted: it is on record often enough
        if not await durable.all():
            return FAILING
        if size > self.limits.message_bytes:
            return TOO_BIG
        if any(to.mailbox is Mailbox.STAFF for to in transaction.recipients):
            return await self._keep(transaction.sender or b"", message)
        return _OK

    def _holds_own(self, body: bytes, claims: Claims) -> bool:
        """Whether the body holds the message token that belongs to a recipient's claims."""
        own = make_token(self.desk.key, replace(claims, kind=TokenKind.MESSAGE))
        return holds(body, own)

    async def _keep(self, sender: bytes, message: bytes) -> bytes:
        """Keep a message to our staff."""
        now = self.desk.now()
        try:
            kept = await asyncio.to_thread(self.postmaster.keep, message, sender, now)
        except (OSError, StorageError):
            return FAILING
        return _OK if kept else _FULL


def _kind(mailbox: Mailbox, sender: bytes | None) -> ArrivalKind:
    if mailbox is Mailbox.RECIPIENT:
        return ArrivalKind.MESSAGE
    if mailbox is Mailbox.SENDER and not sender:
        return ArrivalKind.DSN
    return ArrivalKind.STRAY
