"""Our own mail server in the lab: it takes what is submitted, and its mailboxes are the operators'.

What comes back lies in the operation's own maildir, as its MX would put it there.
"""

import asyncio
import mailbox
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parseaddr
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope

from survey.errors import SurveyError
from survey.lab.certificate import named_context
from survey.lab.draws import Draws
from survey.lab.operators import Got, Reaction, reaction_of
from survey.model.address import parse_ip

HOST = "localhost"
"""Its name, which its certificate has."""

_ADDRESS = re.compile(r"\b127(?:\.[0-9]{1,3}){3}\b")
_LARGEST = 2_000_000


@dataclass(frozen=True, slots=True)
class Mailroom:
    """Where the mail server stands and where mail lies.

    Attributes:
        port: TCP port at 127.0.0.1; TLS from the first byte.
        certificate: PEM file with its certificate, made when it starts.
        delivered: Maildir with every letter that a mailbox got.
        desk: The operation's maildir: answers, automatic replies, delivery reports.
    """

    port: int
    certificate: Path
    delivered: Path
    desk: Path


@asynccontextmanager
async def open_mailroom(
    room: Mailroom, draws: Draws, close: Callable[[int], bool]
) -> AsyncIterator[None]:
    """The mail server, while the block runs.

    Args:
        room: Where.
        draws: By which operators react.
        close: Closes what is open at an address; whether anything was.

    Raises:
        SurveyError: The port is taken.
    """
    context, certificate = named_context(HOST)
    room.certificate.write_bytes(certificate)
    hands = _Hands(room, draws, close)
    try:
        server = await asyncio.get_running_loop().create_server(
            lambda: SMTP(hands, hostname=HOST, ident="lab", data_size_limit=_LARGEST),
            "127.0.0.1",
            room.port,
            ssl=context,
        )
    except OSError as error:
        raise SurveyError(
            f"the lab's mail server: port {room.port} can't be had ({error.strerror}); "
            "end whatever uses it"
        ) from error
    try:
        yield
    finally:
        server.close()


class _Hands:
    """What aiosmtpd asks of a handler."""

    def __init__(self, room: Mailroom, draws: Draws, close: Callable[[int], bool]) -> None:
        self._draws, self._close = draws, close
        self._delivered = mailbox.Maildir(room.delivered)
        self._desk = mailbox.Maildir(room.desk)

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Any, envelope: Envelope
    ) -> str:
        """A whole message, for each of its recipients."""
        assert isinstance(envelope.content, bytes)
        message = message_from_bytes(envelope.content, policy=policy.SMTP)
        for recipient in envelope.rcpt_tos:
            self._deliver(Got(envelope.mail_from or "", recipient, message), envelope.content)
        return "250 2.0.0 taken"

    def _deliver(self, got: Got, content: bytes) -> None:
        reaction = reaction_of(self._draws, got.recipient)
        if reaction is Reaction.GONE:
            self._send_back(got.delivery_report(), "")
            return
        self._delivered.add(b"Delivered-To: " + got.recipient.encode() + b"\r\n" + content)
        if reaction is Reaction.AWAY:
            self._send_back(got.automatic_reply(), "")
        elif reaction is Reaction.CLOSES:
            closed = [self._close(ip) for ip in sorted(_addresses(got.message))]
            if any(closed):
                self._send_back(got.answer(), got.recipient)

    def _send_back(self, message: EmailMessage, sender: str) -> None:
        """A program's mail comes from the null sender, a person's from the person."""
        recipient = parseaddr(str(message["To"]))[1]
        head = f"Return-Path: <{sender}>\r\nDelivered-To: {recipient}\r\n".encode()
        self._desk.add(head + message.as_bytes(policy=policy.SMTP))


def _addresses(message: EmailMessage) -> set[int]:
    """Addresses of the lab that a letter's text names."""
    body = message.get_body(("plain",))
    return {parse_ip(text) for text in _ADDRESS.findall(body.get_content())} if body else set()
