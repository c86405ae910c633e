"""The only place that opens connections to tested servers, each with the gate's permit in hand.

The pacer is asked first, for it may make us wait; then the gate, so that the permit is fresh when
the SYN leaves.  A machine that runs out of descriptors or ports makes us pause: that is never a
target's status.
"""

import asyncio
import copy
import errno
import itertools
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Protocol

from survey.errors import LocalError
from survey.model.failure import Failure
from survey.model.observation import Step
from survey.probes.allowance import Allowance
from survey.probes.connect import Connect, close_abruptly
from survey.probes.conversation import Conversation, Talk
from survey.probes.evidence import Evidence
from survey.probes.failures import failure_of, is_shortage
from survey.probes.poller import Poller
from survey.protocols.dialogue import Answer, Dialogue
from survey.targets.gate import Gate, Permit

USER_TIMEOUT_MS = 5000
"""Data that is not acknowledged for so long ends the connection: at most 4 retransmits."""

_IP_BIND_ADDRESS_NO_PORT = 24  # linux/in.h: the port is chosen at connect, shared between targets
_SHORTAGE_PAUSE = 0.05
_SHORTAGE_PAUSES = 600


class Pacer(Protocol):
    """Keeps the caps (law 5)."""

    async def admit(self, ip: int, packets: int) -> None:
        """Wait until ``packets`` to this address fit into every cap, and charge them."""

    async def pay(self, packets: int) -> None:
        """Wait until so many more packets fit into the cap, and charge them."""

    def charge(self, packets: int) -> None:
        """Charge packets that leave now through no choice of ours; others wait for them."""

    def begun(self) -> None:
        """Know that a connection that was admitted has begun, with its first packet."""

    def left(self, packets: int) -> None:
        """Know that so many packets leave now that were paid before."""

    def ended(self) -> None:
        """Know that a connection has ended, with its last packet."""


class Stoppable(Protocol):
    """A conversation in progress."""

    ip: int

    def stop(self, failure: Failure) -> None:
        """End it now, for this reason."""


class Dialer:
    """Opens measurement connections of one event loop."""

    def __init__(self, gate: Gate, pacer: Pacer, source_addresses: Sequence[int] = ()) -> None:
        """Source addresses (numbers) are used in turn; none lets the system choose."""
        self._gate = gate
        self._pacer = pacer
        self._sources = itertools.cycle([_text(ip) for ip in source_addresses] or [""])
        self._live: set[Stoppable] = set()
        self._poller: Poller | None = None

    @property
    def running(self) -> int:
        """Conversations in the air now."""
        return len(self._live)

    def sending_from(self, source: int | None) -> "Dialer":
        """The same dialer, but from this one of our addresses (number); None is the dialer itself.

        What it opens is aborted and closed with the rest.
        """
        if source is None:
            return self
        self._loop_poller()  # both share it from now on
        other = copy.copy(self)
        other._sources = itertools.cycle([_text(source)])  # noqa: SLF001 - our own copy
        return other

    async def converse(
        self,
        ip: int,
        port: int,
        packets: int,
        dialogue: Dialogue,
        *,
        connect: float,
        reply: float,
        total: float,
        we_speak_first: bool = True,
    ) -> Talk:
        """Run a dialogue; the limits are in seconds.

        Args:
            ip: The address.
            port: The port.
            packets: What the whole connection costs at most; charged before it is opened.
            dialogue: What to say; not begun yet.
            connect: Patience for the answer to our SYN.
            reply: Patience for each reply.
            total: Patience for the whole.
            we_speak_first: Whether the handshake's last packet may wait for our first word.

        Raises:
            GateClosedError: Nothing may be sent at all.
            LocalError: This machine can't send.
        """
        sock = await self._dial(ip, port, packets, we_speak_first=we_speak_first)
        if isinstance(sock, Failure):
            return unanswered(sock)
        conversation = Conversation(
            self._loop_poller(),
            sock,
            ip,
            dialogue,
            allowance=self.allowance(packets),
            connect=connect,
            reply=reply,
            total=total,
        )
        with self.running_one(conversation):
            try:
                return await conversation.done
            finally:
                conversation.drop()

    async def connect(
        self, ip: int, port: int, packets: int, patience: float
    ) -> socket.socket | Failure:
        """A connected non-blocking socket to a server that speaks first, or why there is none.

        Raises:
            GateClosedError: Nothing may be sent at all.
            LocalError: This machine can't send.
        """
        sock = await self._dial(ip, port, packets, we_speak_first=False)
        if isinstance(sock, Failure):
            return sock
        connect = Connect(self._loop_poller(), sock, ip, patience)
        with self.running_one(connect):
            try:
                connected = await connect.done
            except asyncio.CancelledError:
                connect.drop()
                raise
        if isinstance(connected, socket.socket):
            _save_acknowledgements(connected)
        return connected

    def allowance(self, packets: int) -> Allowance:
        """What a connection may cost for which so many packets were paid."""
        return Allowance(packets, self._pacer.charge, self._pacer.left)

    async def pay(self, allowance: Allowance, packets: int) -> None:
        """Wait until a connection may cost so many packets more."""
        await self._pacer.pay(packets)
        allowance.add(packets)

    @contextmanager
    def running_one(self, stoppable: Stoppable) -> Iterator[None]:
        """While this lasts, ``abort`` may stop the conversation."""
        self._live.add(stoppable)
        self._pacer.begun()
        try:
            yield
        finally:
            self._live.discard(stoppable)
            self._pacer.ended()

    def abort(self, still_allowed: Callable[[int], bool]) -> int:
        """End the conversations with addresses that are not allowed any more; returns how many."""
        ended = [each for each in self._live if not still_allowed(each.ip)]
        for each in ended:
            each.stop(Failure.ABORTED)
        return len(ended)

    def close(self) -> None:
        """End everything and leave the event loop."""
        self.abort(lambda _: False)
        if self._poller is not None:
            self._poller.close()
            self._poller = None

    def _loop_poller(self) -> Poller:
        if self._poller is None:
            self._poller = Poller(asyncio.get_running_loop())
        return self._poller

    async def _dial(
        self, ip: int, port: int, packets: int, *, we_speak_first: bool
    ) -> socket.socket | Failure:
        """A socket whose connect has been begun, or why there is none."""
        await self._pacer.admit(ip, packets)
        for _ in range(_SHORTAGE_PAUSES):
            permit = self._gate.permit(ip, port)
            if permit is None:
                return Failure.ABORTED
            try:
                return _open(permit, next(self._sources), we_speak_first=we_speak_first)
            except OSError as error:
                if not is_shortage(error):
                    return failure_of(error, connecting=True)
            await asyncio.sleep(_SHORTAGE_PAUSE)
        raise LocalError("no file descriptor or port got free in 30 s; raise `ulimit -n`")


def unanswered(failure: Failure) -> Talk:
    """The talk that never was."""
    return Talk(Answer(Step.NOTHING, failure), datetime.now(UTC), 0.0, Evidence())


def _open(permit: Permit, source: str, *, we_speak_first: bool) -> socket.socket:
    """A socket whose connect to the permit's target has been begun."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT_MS)
        # Whoever kills this process closes the socket.  Were that an end of file, the server might
        # keep its end open, and another worker dial it meanwhile.
        close_abruptly(sock)
        if we_speak_first:
            _save_acknowledgements(sock)
        if source:
            sock.setsockopt(socket.SOL_IP, _IP_BIND_ADDRESS_NO_PORT, 1)
            sock.bind((source, 0))
        code = sock.connect_ex((_text(permit.ip), permit.port))
        if code not in (0, errno.EINPROGRESS):
            raise OSError(code, os.strerror(code))  # noqa: TRY301 - closed below, named by the caller
    except OSError:
        sock.close()
        raise
    return sock


def _save_acknowledgements(sock: socket.socket) -> None:
    """From now on an acknowledgement rides on our next word instead of a packet of its own.

    Before the connect, this makes the handshake's last packet ride too: right if we speak first;
    but a server that does would not greet before the kernel gives up waiting for us (0.2 s).
    """
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)


def _text(ip: int) -> str:
    """Dotted text of an address; several times faster than ``ipaddress``."""
    return socket.inet_ntoa(ip.to_bytes(4, "big"))
