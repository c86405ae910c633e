"""Which ports accept a connection: plain ``connect()`` on raw epoll, without any privilege.

No task, coroutine or callback per target: a silent target costs a file descriptor for TIMEOUT
seconds and nothing else.  Measured on one core (tests/benchmarks): about three times asyncio's
``sock_connect``, which spends its time in futures and callbacks.  Two things make it cheap:

* A refused socket is used again: on Linux the second ``connect()`` on it fetches the first one's
  result and leaves it unconnected, and its edge-triggered registration stays.  So a refused target
  takes two system calls, where socket, register, getsockopt and close would make five.
* It lives inside the shard's event loop as one reader and one timer, working in slices, so that
  conversations share its thread and no lock is needed.

One SYN per silent target: Linux repeats a SYN after 1 s, and by then the socket is closed.
"""

import asyncio
import os
import select
import socket
import struct
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from errno import (
    EADDRINUSE,
    EADDRNOTAVAIL,
    EAGAIN,
    EALREADY,
    ECONNREFUSED,
    ECONNRESET,
    EINPROGRESS,
    EINTR,
    EMFILE,
    ENFILE,
    ENOBUFS,
    ENOMEM,
    ETIMEDOUT,
)

from survey.engine.hosts import Hosts
from survey.engine.pacing import Pacer
from survey.engine.supply import KeptBack, Supply, Target
from survey.errors import SurveyError
from survey.model.address import format_ip

TIMEOUT = 0.9
"""Seconds until a target is silent; under the second after which Linux repeats a SYN."""

SLICE = 0.004
"""Seconds of work before the event loop gets its turn."""

CHUNK = 128
"""Connects between two looks at what was answered."""

STALL = 0.1
"""Seconds that a chunk of connects may take; they take a hundredth of it."""

EVENTS = 1024
"""Answers taken at once."""

MAX_DEFERRED = 50_000
"""Targets that wait for their /24 or host before no fresh ones are taken."""

HOST_RETRY = 0.25
"""Seconds until a target is tried again whose host was busy."""

OURS_RETRY = 0.05
"""Seconds until a target is tried again for which we lacked a port or a descriptor."""

OURS_LIMIT = 60.0
"""Seconds without a single connect for want of our own means, after which the shard fails."""

OURS = frozenset({EADDRNOTAVAIL, EADDRINUSE, EAGAIN, ENOBUFS, ENOMEM, EMFILE, ENFILE})
"""Errors that tell of us and nothing of the target."""

PENDING = frozenset({EINPROGRESS, EALREADY, EINTR})

OPEN_PACKETS = 2
"""An open target costs more than its SYN: our kernel's ACK and our reset."""

IP_BIND_ADDRESS_NO_PORT = 24
"""Linux: choose the port at connect, by whole connection and not by local address alone."""

RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass(slots=True)
class Tally:
    """How the dialled targets answered; ``sent`` is those that have left, answered or not."""

    sent: int = 0
    open: int = 0
    refused: int = 0
    silent: int = 0
    unreachable: int = 0


@dataclass(slots=True)
class Heard:
    """What else was heard; of a connection the kernel tells nothing of the kind.

    Attributes:
        strange: Answers that no probe of this shard explains: spoofed, or meant for another.
        repeated: Said again by a target that had answered.
        late: Said by a target that had been given up as silent.
        dropped: Lost, for want of room in our ring; some silent targets may have said it.
        shortages: Times that this machine could not send: no port, no descriptor, no buffer.
    """

    strange: int = 0
    repeated: int = 0
    late: int = 0
    dropped: int = 0
    shortages: int = 0


class Discovery:
    """Dials everything a supply gives, within pacing, host limit and descriptors.

    Args:
        supply: What to dial.
        pacer: When.
        hosts: How many at once to one address.
        room: Sockets at most.
        on_open: Called with address and port of each target that accepted.
        holds: While it says True nothing new is dialled (back-pressure, canary, lost lease).
        sources: Local addresses to dial from in turn; none lets the system choose.
    """

    def __init__(
        self,
        supply: Supply,
        pacer: Pacer,
        hosts: Hosts,
        *,
        room: int,
        on_open: Callable[[int, int], None],
        holds: Callable[[], bool],
        sources: Sequence[int] = (),
    ) -> None:
        assert room >= 1
        self._supply, self._pacer, self._hosts = supply, pacer, hosts
        self._room = room
        self._on_open, self._holds = on_open, holds
        self._sources = [format_ip(source) for source in sources]
        self._made = 0
        self._epoll = select.epoll()
        self._air: dict[int, tuple[socket.socket, Target, float]] = {}  # in order of launch
        self._idle: list[socket.socket] = []
        self._starved_since: float | None = None
        self._retry_at = 0.0
        self.tally = Tally()
        self.heard = Heard()

    @property
    def kept_back(self) -> KeptBack:
        """Targets that the gate did not allow."""
        return self._supply.kept_back

    @property
    def in_air(self) -> int:
        """Connects under way."""
        return len(self._air)

    @property
    def finished(self) -> bool:
        """Every target of the supply is decided."""
        return not self._air and self._supply.exhausted

    async def run(self) -> None:
        """Dial everything inside the running event loop.

        Raises:
            GateClosedError: The gate can't know who may be dialled.
            SurveyError: This machine has no ports or descriptors left for long.
        """
        loop = asyncio.get_running_loop()
        wake = asyncio.Event()
        loop.add_reader(self._epoll.fileno(), wake.set)
        try:
            while not self.finished:
                wake.clear()
                rest = self.step()
                if rest <= 0:
                    await asyncio.sleep(0)
                    continue
                timer = loop.call_later(rest, wake.set)
                await wake.wait()
                timer.cancel()
        finally:
            loop.remove_reader(self._epoll.fileno())
            self.close()

    def run_alone(self) -> None:
        """Dial everything without an event loop."""
        try:
            while not self.finished:
                rest = self.step()
                if rest > 0:
                    select.select([self._epoll], [], [], rest)
        finally:
            self.close()

    def step(self) -> float:
        """Work for at most a slice; seconds until there is more to do, unless answers come."""
        end = time.monotonic() + SLICE
        while True:
            answered = self._collect()
            self._stand()
            now = time.monotonic()
            launched = 0 if self._holds() else self._launch(now)
            if not launched and not answered:
                return self._rest(now)
            if now >= end:
                return 0.0

    def close(self) -> None:
        """Break everything off; silent for connects under way."""
        for sock, target, _ in self._air.values():
            self._hosts.leave(target[0])
            sock.close()
        for sock in self._idle:
            sock.close()
        self._air.clear()
        self._stand()
        self._idle.clear()
        if not self._epoll.closed:
            self._epoll.close()

    def _stand(self) -> None:
        self._pacer.awaited.stands(
            in_air=len(self._air),
            sent=self.tally.sent,
            accepted=self.tally.open,
            each=OPEN_PACKETS,
        )

    def _rest(self, now: float) -> float:
        rest = 0.05
        if self._air:
            oldest = next(iter(self._air.values()))[2]
            rest = min(rest, max(0.0005, oldest + TIMEOUT - now))
        if self._supply.due is not None:
            rest = min(rest, max(0.001, self._supply.due - now))
        # A few packets at a time: one wake-up for each would cost more than the packet.
        return min(rest, max(0.002, self._pacer.wait(CHUNK)))

    def _launch(self, now: float) -> int:
        count = min(CHUNK, self._room - len(self._air), self._pacer.spare())
        if count <= 0 or now < self._retry_at:
            return 0
        crowded = self._supply.deferred >= MAX_DEFERRED
        targets = self._supply.take(count, now, only_deferred=crowded)
        enter_host, leave_host = self._hosts.enter, self._hosts.leave
        enter_24, defer = self._pacer.neighbourhoods.enter, self._supply.defer
        air, idle, monotonic = self._air, self._idle, time.monotonic
        sent = 0
        for position, target in enumerate(targets):
            if monotonic() - now > STALL:
                # This process was frozen: what gate, lease and clock said before holds no more.
                self._put_back(targets[position:], now)
                break
            ip, address = target
            if not enter_host(ip):
                defer(target, now + HOST_RETRY)
                continue
            if wait := enter_24(ip, now):
                leave_host(ip)
                defer(target, now + wait)
                continue
            try:
                sock = idle.pop() if idle else self._socket()
            except OSError as failed:
                leave_host(ip)
                self._starve(targets[position:], failed.errno or 0, now)
                break
            error = sock.connect_ex(address)
            if error in PENDING:
                air[sock.fileno()] = (sock, target, now)
            elif error in OURS:
                idle.append(sock)
                leave_host(ip)
                self._starve(targets[position:], error, now)
                break
            else:
                self._decide(sock, target, error)
            sent += 1
        if sent:
            self._starved_since = None
            self.tally.sent += sent
            self._pacer.charge(sent)
        return sent

    def _collect(self) -> int:
        """Take the answers that are there, then give up what is silent; how many were decided."""
        air = self._air
        events = self._epoll.poll(0, EVENTS)
        decided = 0
        for descriptor, _ in events:
            entry = air.get(descriptor)
            if entry is None:
                continue  # an unused socket's hang-up
            sock, target, _ = entry
            error = sock.connect_ex(target[1])  # fetches the result of the first
            if error in PENDING:
                continue
            del air[descriptor]
            decided += 1
            if error == ECONNREFUSED:
                self.tally.refused += 1
                self._idle.append(sock)
                self._hosts.leave(target[0])
            else:
                self._decide(sock, target, error)
        # With answers still queued, an open target could pass for silent after a stall.
        return decided if len(events) == EVENTS else decided + self._give_up(time.monotonic())

    def _give_up(self, now: float) -> int:
        late = []
        for entry in self._air.values():
            if entry[2] > now - TIMEOUT:
                break
            late.append(entry)
        for sock, target, launched in late:
            del self._air[sock.fileno()]
            sock.close()
            self._hosts.leave(target[0])
            self.tally.silent += 1
            if now - launched >= 1:  # we were stalled, and the kernel has repeated the SYN
                self._pacer.charge(1)
        return len(late)

    def _decide(self, sock: socket.socket, target: Target, error: int) -> None:
        ip, (_, port) = target
        self._hosts.leave(ip)
        if error == 0:
            self.tally.open += 1
            self._pacer.charge(OPEN_PACKETS)
            sock.close()
            self._on_open(ip, port)
            return
        if error in (ECONNREFUSED, ECONNRESET):
            self.tally.refused += 1
        elif error == ETIMEDOUT:
            self.tally.silent += 1
        else:
            # A router's report, or our own kernel's: no route, a firewall rule, a broadcast
            # address.  Asking again would not change it.
            self.tally.unreachable += 1
        self._idle.append(sock)

    def _socket(self) -> socket.socket:
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        # A frozen process can't close in time: then the kernel repeats the SYN once, not six times.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(TIMEOUT * 1000))
        # Whether we close it or whoever kills this process: nothing stays behind at the target.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        if self._sources:
            sock.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
            sock.bind((self._sources[self._made % len(self._sources)], 0))
            self._made += 1
        self._epoll.register(sock, select.EPOLLOUT | select.EPOLLET)
        return sock

    def _starve(self, targets: Sequence[Target], error: int, now: float) -> None:
        """We lack something: wait for it; it tells nothing about these targets."""
        if error not in OURS:
            raise SurveyError(f"can't open a socket: {os.strerror(error)}")
        self.heard.shortages += 1
        if self._starved_since is None:
            self._starved_since = now
        if now - self._starved_since > OURS_LIMIT:
            raise SurveyError(
                f"no connect was possible for {OURS_LIMIT:.0f} s: {os.strerror(error)}; raise the "
                "limit of open files, or widen net.ipv4.ip_local_port_range"
            )
        self._retry_at = now + OURS_RETRY
        self._put_back(targets, self._retry_at)

    def _put_back(self, targets: Sequence[Target], until: float) -> None:
        for target in targets:
            self._supply.defer(target, until)
