"""One SMTP connection over aiosmtplib's protocol, with evidence and limits that it has not.

aiosmtplib parses replies, pairs them with commands, and refuses control characters in commands; it
limits a reply to 32 kB and a wait to one reply.  Added here: raw bytes as evidence, a cap over the
whole conversation (it drops what comes between commands without counting), an end from outside,
that bytes which came before a command are never taken for its reply, and TLS of which we see the
bytes on the wire (a handshake without end is a flood, too).
"""

import asyncio
import socket
import ssl

from aiosmtplib import SMTPException, SMTPServerDisconnected
from aiosmtplib.protocol import SMTPProtocol

from survey.model.failure import Failure
from survey.model.observation import MAX_EVIDENCE
from survey.probes.allowance import Allowance
from survey.probes.connect import close_kindly
from survey.probes.evidence import Evidence
from survey.probes.failures import failure_of, failure_of_smtp
from survey.probes.tls import Tls, client_context
from survey.protocols.relay import Command, Letter, Listen, Reply, Secure

_GOODBYE = 221
_CODES = range(200, 600)  # RFC 5321 s4.2.1


class SmtpLine(SMTPProtocol):
    """One SMTP connection.

    Attributes:
        ip: The tested address; aborts go by it.
        allowance: What it may cost.
        evidence: Its bytes.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        sock: socket.socket,
        ip: int,
        *,
        allowance: Allowance,
        total: float,
        tls: bool = False,
    ) -> None:
        """Over a connected socket, for ``total`` seconds at most; ``tls``: from the first byte."""
        super().__init__(loop)
        self.ip = ip
        self.allowance = allowance
        self.evidence = Evidence(sock, allowance)
        self._sock = sock
        self._due = loop.time() + total
        self._reply = b""
        self._failure: Failure | None = None
        self._last_code: int | None = None
        self._begins_with_tls = tls
        self._tls: Tls | None = None
        self._handshake: asyncio.Future[Failure | OSError | None] | None = None

    async def hear(self, wish: Listen | Command | Letter | Secure, patience: float) -> Reply:
        """Say what is wished and wait for the reply, for ``patience`` seconds at most."""
        left = self.left()
        timeout = max(0.0, min(patience, left))
        if isinstance(wish, Secure):
            return await self._secure(timeout)
        if self._failure is not None or left <= 0:
            return Reply(None, failure=self._failure or Failure.DEADLINE)
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
        self._settle(self._failure)
        if self.transport is not None:
            self.transport.abort()  # type: ignore[attr-defined]  # every transport of a socket has it

    def close(self) -> None:
        """Leave: after a goodbye as TCP wishes, else with one packet."""
        if self._sock.fileno() < 0:
            return
        if self._last_code == _GOODBYE:
            close_kindly(self._sock)
        if self.transport is None:
            self._sock.close()
        else:
            self.transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The transport's call: it stands."""
        super().connection_made(transport)
        if self._begins_with_tls:
            self._begin_tls()

    def data_received(self, data: bytes) -> None:
        """The transport's call: bytes came."""
        said = data if self._tls is None else self._deciphered(self._tls, data)
        if len(self._reply) < MAX_EVIDENCE:
            self._reply = (self._reply + said)[:MAX_EVIDENCE]
        if not self.evidence.hear(said, len(data)):
            self.stop(Failure.TOO_MUCH)
        elif said and (self._tls is None or self._tls.established):
            super().data_received(said)

    def connection_lost(self, exc: Exception | None) -> None:
        """The transport's call: it is over; whoever waits for a handshake learns it, too."""
        self._settle(exc if isinstance(exc, OSError) else Failure.CLOSED)
        super().connection_lost(exc)

    def write(self, data: bytes) -> None:
        """Say something; what was heard before is no reply to it."""
        self._buffer.clear()
        self._reply = b""
        sent = data if self._tls is None else self._enciphered(self._tls, data)
        self.evidence.say(data, len(sent))
        super().write(sent)

    async def _secure(self, patience: float) -> Reply:
        """Go over to TLS, unless that is under way."""
        handshake = self._handshake
        if handshake is None:
            if not self.is_connected:
                return Reply(None, failure=self._failure or Failure.CLOSED)
            handshake = self._begin_tls()
        try:
            ended = await asyncio.wait_for(handshake, patience)
        except TimeoutError:
            ended = Failure.STALLED if self.left() > 0 else Failure.DEADLINE
        if isinstance(ended, OSError):
            ended = failure_of(ended)
        if ended is not None:
            self.stop(ended)
            ended = self._failure
        return Reply(None, self._reply, ended)

    def _begin_tls(self) -> asyncio.Future[Failure | OSError | None]:
        """Send our first word of TLS; what was heard in the clear before is no word of it."""
        self._buffer.clear()
        self._reply = b""
        self._handshake = self._loop.create_future()
        self._tls = Tls(client_context())
        self._tls.begin()
        self._pass_on(self._tls)
        return self._handshake

    def _enciphered(self, tls: Tls, data: bytes) -> bytes:
        try:
            tls.say(data)
        except ssl.SSLError as error:
            self.stop(Failure.GARBAGE)
            raise SMTPServerDisconnected("TLS is over") from error
        return tls.to_send()

    def _deciphered(self, tls: Tls, data: bytes) -> bytes:
        """What the peer said by these bytes; bytes that are no TLS are kept as they are."""
        try:
            said = tls.hear(data)
        except ssl.SSLError:
            said = b"" if tls.established else data
            self._pass_on(tls)  # an alert
            self.stop(Failure.GARBAGE if tls.established else Failure.HANDSHAKE)
            return said
        self._pass_on(tls)
        if tls.established:
            self._settle(None)
        return said

    def _pass_on(self, tls: Tls) -> None:
        """Send what TLS has to say by itself."""
        sent = tls.to_send()
        if sent and self.is_connected:
            self.evidence.say(b"", len(sent))
            super().write(sent)

    def _settle(self, ended: Failure | OSError | None) -> None:
        """The handshake is done, or will never be."""
        if self._handshake is not None and not self._handshake.done():
            self._handshake.set_result(ended)
