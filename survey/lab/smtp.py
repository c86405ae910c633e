"""The mail servers of the lab: one session (RFC 5321), and what each personality makes of it."""

import asyncio
import re
from dataclasses import dataclass

from survey.lab.certificate import server_context
from survey.lab.peer import Peer
from survey.lab.place import Behaviour, Place
from survey.lab.post import Letter
from survey.lab.relaying import OK, Judge, is_own, onward, rejected
from survey.lab.software import MAIL_BANNER

MOST_ERRORS = 12
"""Refusals in one session before we hang up, as most servers do after some."""
_LONGEST_LINE = 2048
_LONGEST_MESSAGE = 1 << 20
_PATH = re.compile(rb"^(?:FROM|TO):\s*<([\x21-\x3d\x3f-\x7e]*)>(?:\s[\x20-\x7e]*)?$", re.IGNORECASE)

_SIMPLE_REPLIES = {
    b"RSET": b"250 2.0.0 Ok",
    b"NOOP": b"250 2.0.0 Ok",
    b"VRFY": b"252 2.0.0 Send some mail, I'll try my best",
    b"QUIT": b"221 2.0.0 Bye",
    b"STARTTLS": b"454 4.7.0 TLS not available due to local problem",
    b"AUTH": b"535 5.7.8 Error: authentication failed",
}
TLS_FIRST = b"530 5.7.0 Must issue a STARTTLS command first"
_GO_AHEAD = b"220 2.0.0 Ready to start TLS"


@dataclass(frozen=True, slots=True)
class Session:
    """A mail server's manner.

    Attributes:
        judge: Its word on a stranger's recipient.
        mail_reply: Its reply to every MAIL, if it refuses all.
        data_reply: Its reply to every DATA, if it refuses all.
        message_reply: Its reply to a whole message.
        sends: What it does with a message for strangers: ``relay``, ``bounce`` or nothing.
        delay: Seconds that it keeps a message.
        wordy: It greets in several lines, slowly.
        calls_out: It asks the sender's server about the sender.
        tls_first: It takes nothing before STARTTLS.
        hangs_up: It closes after a refusal, without a word.
        reads_on: It reads a mailbox of its own further, and passes on to where that leads.
        every_mailbox: It has every mailbox at its own name; else only its postmaster's.
        nobody: It refuses every recipient, its postmaster too.
        takes_anything: It takes mail for nobody (``<>``), which no mail server does.
        extensions: What it offers after EHLO.
    """

    judge: Judge = rejected
    mail_reply: bytes = b""
    data_reply: bytes = b""
    message_reply: bytes = b"250 2.0.0 Ok: queued as %b"
    sends: str = ""
    delay: float = 0.0
    wordy: bool = False
    calls_out: bool = False
    tls_first: bool = False
    hangs_up: bool = False
    reads_on: bool = False
    every_mailbox: bool = False
    nobody: bool = False
    takes_anything: bool = False
    extensions: tuple[bytes, ...] = (b"PIPELINING", b"SIZE 1048576", b"8BITMIME")

    async def __call__(self, peer: Peer, place: Place) -> None:
        """Talk until the peer quits, is gone, or has made too many mistakes."""
        if not await self._greet(peer, place):
            return
        talk = _Talk(self, peer, place)
        while talk.errors < MOST_ERRORS:
            line = await peer.line(_LONGEST_LINE)
            if line is None:
                return
            reply = await talk.answer(line)
            peer.say(reply + b"\r\n")
            if reply.startswith(b"221") or (self.hangs_up and reply[:1] == b"5"):
                return
            if reply == _GO_AHEAD and not await peer.secure(server_context()):
                return
            talk.errors += reply[:1] in b"45"
        peer.say(b"421 4.7.0 %b Error: too many errors\r\n" % _name(place))

    async def _greet(self, peer: Peer, place: Place) -> bool:
        banner = MAIL_BANNER.get(place.door.software, b"ESMTP")
        if self.wordy:
            for text in (b"Unsolicited mail is not welcome here", b"All sessions are logged"):
                peer.say(b"220-%b %b\r\n" % (_name(place), text))
                await asyncio.sleep(0.15)
            if peer.heard:
                peer.say(b"554 5.5.1 Error: you talk before your turn\r\n")
                return False
        peer.say(b"220 %b %b\r\n" % (_name(place), banner))
        return True


class _Talk:
    """One connection's envelope and what is answered to each line."""

    def __init__(self, session: Session, peer: Peer, place: Place) -> None:
        self.errors = 0
        self._session = session
        self._peer = peer
        self._place = place
        self._sender: bytes | None = None
        self._strangers: list[bytes] = []
        self._locals = 0
        self._messages = 0

    async def answer(self, line: bytes) -> bytes:
        """The reply to one command line, without its last line end."""
        verb, _, rest = line.partition(b" ")
        if verb.upper() == b"STARTTLS" and self._session.tls_first and not self._peer.is_secure:
            self._reset()
            return _GO_AHEAD
        match verb.upper():
            case b"EHLO" | b"HELO" as hello:
                return self._hello(rest.strip(), extended=hello == b"EHLO")
            case b"MAIL":
                return self._mail(rest)
            case b"RCPT":
                return await self._rcpt(rest)
            case b"DATA":
                return await self._data()
            case b"RSET":
                self._reset()
        return _SIMPLE_REPLIES.get(verb.upper(), b"500 5.5.2 Error: command not recognized")

    def _hello(self, client: bytes, *, extended: bool) -> bytes:
        if not client:
            return b"501 5.5.4 Syntax: EHLO hostname"
        self._reset()
        if not extended:
            return b"250 %b" % _name(self._place)
        offered = (b"STARTTLS",) if self._session.tls_first and not self._peer.is_secure else ()
        lines = (_name(self._place), *self._session.extensions, *offered)
        return b"".join(b"250-%b\r\n" % one for one in lines) + b"250 ENHANCEDSTATUSCODES"

    def _reset(self) -> None:
        self._sender = None
        self._strangers = []
        self._locals = 0

    def _mail(self, rest: bytes) -> bytes:
        if self._session.tls_first and not self._peer.is_secure:
            return TLS_FIRST
        if self._session.mail_reply:
            return self._session.mail_reply
        path = _PATH.match(rest)
        if path is None:
            return b"501 5.1.7 Bad sender address syntax"
        self._reset()
        self._sender = path[1]
        return b"250 2.1.0 Ok"

    async def _rcpt(self, rest: bytes) -> bytes:
        path = _PATH.match(rest)
        if self._sender is None:
            return b"503 5.5.1 Error: need MAIL command"
        if path is not None and not path[1] and self._session.takes_anything:
            return OK
        if path is None or not path[1]:
            return b"501 5.1.3 Bad recipient address syntax"
        recipient = path[1]
        if self._session.nobody:
            return b"554 5.7.1 <%b>: Recipient address rejected: Access denied" % recipient
        if is_own(self._place, recipient):
            return self._own_mailbox(recipient)
        if self._session.calls_out:
            machine, door = self._place.machine, self._place.door
            await self._place.post.call_out(door.exit_ip, machine.name, self._sender)
        reply = self._session.judge(self._place, self._sender, recipient)
        if reply == OK:
            self._strangers.append(recipient)
        return reply

    def _own_mailbox(self, recipient: bytes) -> bytes:
        """The reply to a mailbox at the server's own name."""
        further = onward(recipient) if self._session.reads_on else None
        if further is not None:
            self._strangers.append(further)
            return OK
        if (
            not self._session.every_mailbox
            and recipient.partition(b"@")[0].lower() != b"postmaster"
        ):
            return b"550 5.1.1 <%b>: Recipient address rejected: User unknown" % recipient
        self._locals += 1
        return OK

    async def _data(self) -> bytes:
        if not self._strangers and not self._locals:
            return b"503 5.5.1 Error: need RCPT command"
        if self._session.data_reply:
            return self._session.data_reply
        self._peer.say(b"354 End data with <CR><LF>.<CR><LF>\r\n")
        content = await self._message()
        if content is None:
            return b"552 5.3.4 Message too big"
        self._messages += 1
        reply = self._session.message_reply
        if reply.startswith(b"2"):
            queue_id = b"%08X%02X" % (self._place.machine.ip, self._messages)
            self._send(content, queue_id)
            reply = reply.replace(b"%b", queue_id)
        self._reset()
        return reply

    async def _message(self) -> bytes | None:
        """The message without its dots (RFC 5321 4.5.2); None if it is too big or incomplete."""
        lines: list[bytes] = []
        size = 0
        while (line := await self._peer.line(_LONGEST_MESSAGE)) is not None:
            if line == b".":
                return b"".join(lines)
            lines.append(line.removeprefix(b".") + b"\r\n")
            size += len(line)
            if size > _LONGEST_MESSAGE:
                return None
        return None

    def _send(self, content: bytes, queue_id: bytes) -> None:
        place, sender = self._place, self._sender or b""
        if not self._strangers:
            return
        if self._session.sends == "relay":
            received = b"Received: by %b with ESMTP id %b\r\n" % (_name(place), queue_id)
            letter = self._letter(sender, tuple(self._strangers), received + content)
        elif self._session.sends == "bounce" and place.out.is_ours(sender):
            letter = self._letter(b"", (sender,), _bounce(place, sender, self._strangers, content))
        else:
            return
        asyncio.get_running_loop().call_later(self._session.delay, place.post.post, letter)

    def _letter(self, sender: bytes, recipients: tuple[bytes, ...], content: bytes) -> Letter:
        machine, door = self._place.machine, self._place.door
        return Letter(door.exit_ip, machine.name, sender, recipients, content)


def _name(place: Place) -> bytes:
    return place.machine.calls_itself.encode()


def _bounce(place: Place, sender: bytes, recipients: list[bytes], content: bytes) -> bytes:
    """A delivery report (RFC 3464) with the whole message in it, as many servers send."""
    name = _name(place)
    mark = b"=_%b" % name
    failed = b"".join(
        b"\r\nFinal-Recipient: rfc822; %b\r\nAction: failed\r\nStatus: 5.1.1\r\n" % one
        for one in recipients
    )
    return (
        b"From: Mail Delivery System <MAILER-DAEMON@%b>\r\nTo: <%b>\r\n" % (name, sender)
        + b"Subject: Undelivered Mail Returned to Sender\r\nAuto-Submitted: auto-replied\r\n"
        + b"MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status;"
        + b'\r\n boundary="%b"\r\n\r\n' % mark
        + b"--%b\r\nContent-Type: text/plain\r\n\r\nThere is no such mailbox here.\r\n" % mark
        + b"\r\n--%b\r\nContent-Type: message/delivery-status\r\n\r\n" % mark
        + b"Reporting-MTA: dns; %b\r\n%b" % (name, failed)
        + b"\r\n--%b\r\nContent-Type: message/rfc822\r\n\r\n%b" % (mark, content)
        + b"\r\n--%b--\r\n" % mark
    )


def says_and_closes(reply: bytes) -> Behaviour:
    """Says one greeting and hangs up once the peer has had its say; ``%b`` is the server's name."""

    async def behaviour(peer: Peer, place: Place) -> None:
        peer.say(reply.replace(b"%b", _name(place)) + b"\r\n")
        await peer.line(_LONGEST_LINE)

    return behaviour
