"""One SMTP connection over aiosmtplib's protocol, with evidence and limits that it has not.

aiosmtplib parses replies, pairs them with commands, and refuses control characters in commands; it
limits a reply to 32 kB and a wait to one reply.  Added here: raw bytes as evidence, a cap over the
whole conversation (it drops what comes between commands without counting), an end from outside,
and that bytes which came before a command are never taken for its reply.
"""

import asyncio
import socket

from aiosmtplib import SMTPException
from aiosmtplib.protocol import SMTPProtocol

from survey.model.failure import Failure
from survey.model.observation import MAX_EVIDENCE
from survey.probes.connect import close_abruptly
from survey.probes.evidence import Evidence
from survey.probes.failures import failure_of_smtp
from survey.protocols.relay import Command, Letter, Listen, Reply

_GOODBYE = 221
_CODES = range(200, 600)  # RFC 5321 s4.2.1


class SmtpLine(SMTPProtocol):
    """One SMTP connection.

    Attributes:
        ip: The tested address; aborts go by it.
        evidence: Its bytes.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        sock: socket.socket,
        ip: int,
        *,
        packets: int,
        total: float,
    ) -> None:
        """Over a connected socket, with so many packets and for ``total`` seconds at most."""
        super().__init__(loop)
        self.ip = ip
        self.evidence = Evidence(sock, packets)
        self._sock = sock
        self._due = loop.time() + total
        self._reply = b""
        self._failure: Failure | None = None
        self._last_code: int | None = None

    async def hear(self, wish: Listen | Command | Letter, patience: float) -> Reply:
        """Say what is wished and wait for the reply, for ``patience`` seconds at most."""
        left = self.left()
        if self._failure is not None or left <= 0:
            return Reply(None, failure=self._failure or Failure.DEADLINE)
        timeout = min(patience, left)
        try:
            match wish:
                case Command(verb, argument):
                    words = (verb, argument) if argument else (verb,)
                    response = await self.execute_command(*words, timeout=timeout)
                case Letter(payload):
                    self.write(payload)
                    response = await self.read_response(timeout=timeout)
                case Listen():
                    response = await self.read_response(timeout=timeout)
        except SMTPException as error:
            failure = self._failure or failure_of_smtp(error)
            if failure is Failure.STALLED and timeout == left:
                failure = Failure.DEADLINE
            return Reply(None, self._reply, failure)
        if response.code not in _CODES:
            return Reply(None, self._reply, Failure.GARBAGE)
        self._last_code = response.code
        return Reply(response.code, self._reply)

    def left(self) -> float:
        """Seconds until the whole must be over."""
        return self._due - self._loop.time()

    def stop(self, failure: Failure) -> None:
        """End it now, for this reason."""
        if self._failure is None:
            self._failure = failure
        if self.transport is not None:
            self.transport.abort()  # type: ignore[attr-defined]  # every transport of a socket has it

    def close(self) -> None:
        """Leave: after a goodbye as TCP wishes, else with one packet."""
        if self._sock.fileno() < 0:
            return
        if self._last_code != _GOODBYE:
            close_abruptly(self._sock)
        if self.transport is None:
            self._sock.close()
        else:
            self.transport.close()

    def data_received(self, data: bytes) -> None:
        """The transport's call: bytes came."""
        if len(self._reply) < MAX_EVIDENCE:
            self._reply = (self._reply + data)[:MAX_EVIDENCE]
        if self.evidence.hear(data):
            super().data_received(data)
        else:
            self.stop(Failure.TOO_MUCH)

    def write(self, data: bytes) -> None:
        """Say something; what was heard before is no reply to it."""
        self._buffer.clear()
        self._reply = b""
        self.evidence.say(data)
        super().write(data)
