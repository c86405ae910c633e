"""Which ports accept a connection: one raw SYN each, at the speed of the card, on one core.

The same work as ``engine.discovery`` with the same answers, for who has CAP_NET_RAW.  Everything is
done to a thousand targets at a time, as columns: gate, hosts, networks, packets, answers.

Nothing is sent twice.  What a SYN-ACK has half opened, our kernel resets: it knows of no such
connection.  That reset is charged like any other packet.
"""

import asyncio
import os
import secrets
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing

import numpy as np

from survey.engine.discovery import HOST_RETRY, MAX_DEFERRED, OURS_LIMIT, OURS_RETRY, TIMEOUT, Tally
from survey.engine.hosts import Hosts
from survey.engine.pacing import Pacer
from survey.engine.supply import KeptBack
from survey.engine.syn.air import Air
from survey.engine.syn.answers import Answers, Said, read_answers
from survey.engine.syn.books import Books
from survey.engine.syn.cookie import Cookie
from survey.engine.syn.link import Link
from survey.engine.syn.networks import NetworkColumns
from survey.engine.syn.receive_ring import ReceiveRing
from survey.engine.syn.send_ring import SendRing
from survey.engine.syn.siphash import KEY_BYTES
from survey.engine.syn.waiting import Targets, Waiting
from survey.errors import LocalError
from survey.targets.gate import Gate
from survey.targets.places import PlaceNumbers, Places

SLICE = 0.004
"""Seconds of work before the event loop gets its turn."""

CHUNK = 4096
"""SYNs in one system call, if the cap allows so many in a burst."""

BATCH = 4096
"""Targets whose cookies are made at once."""

ANSWERS = 4096
"""Answers read at once."""

ENOUGH = 4096
"""Answers that are read at once, however short they have waited."""

PATIENCE = 0.01
"""Seconds that fewer answers may wait; the cap has a hundredth of a second to spare for them."""

RESETS = 1
"""Packets that a target which accepts forces from our kernel."""

FRESH = 0.05
"""Seconds from the gate's answer to the packets; after a longer stop it is asked again."""


class SynDiscovery:
    """Sends a SYN to every target of a shard, within gate, pacing and host limit.

    Args:
        places: The shard's targets.
        gate: Who may be sent one; asked right before.
        pacer: When; its neighbourhoods have to be ``networks``.
        networks: How many into each /24.
        hosts: How many at once to one address, with ``per_host`` as its limit.
        link: Where SYNs leave.
        ports: Our first and last source port, of this slot alone.
        on_open: Called with address and port of each target that accepted.
        holds: While it says True nothing is sent (back-pressure, canary, lost lease).
        only: Places of the targets that are meant; None for all.
    """

    def __init__(
        self,
        places: Places,
        gate: Gate,
        pacer: Pacer,
        networks: NetworkColumns,
        hosts: Hosts,
        *,
        per_host: int,
        link: Link,
        ports: tuple[int, int],
        on_open: Callable[[int, int], None],
        holds: Callable[[], bool],
        only: PlaceNumbers | None = None,
    ) -> None:
        assert pacer.neighbourhoods is networks
        self._places, self._gate, self._pacer, self._networks = places, gate, pacer, networks
        self._on_open, self._holds = on_open, holds
        self._cookie = Cookie(secrets.token_bytes(KEY_BYTES), link.sources, ports)
        self._waiting = Waiting(self._batches(only))
        self._books = Books(len(places))
        self._air = Air(places.ips, hosts, per_host, len(places.ports))
        self._heard_at = float("-inf")
        self._closed = False
        self._starved_since: float | None = None
        self._retry_at = 0.0
        self.tally = Tally()
        self.heard = self._books.heard
        self.kept_back = KeptBack()
        self._receive = ReceiveRing(link.interface, ports)
        try:
            self._send = SendRing(link)
        except BaseException:
            self._receive.close()
            raise

    @property
    def in_air(self) -> int:
        """SYNs that may still be answered."""
        return self._books.in_air

    @property
    def finished(self) -> bool:
        """Every target of the shard is decided."""
        return not self._books.in_air and self._waiting.exhausted

    async def run(self) -> None:
        """Send everything inside the running event loop.

        Raises:
            GateClosedError: The gate can't know who may be sent a SYN.
            LocalError: The interface takes nothing for long.
        """
        with closing(self):
            for rest in self._rests():
                await asyncio.sleep(rest)

    def run_alone(self) -> None:
        """Send everything without an event loop."""
        with closing(self):
            for rest in self._rests():
                time.sleep(rest)

    def _rests(self) -> Iterator[float]:
        while not self.finished:
            yield self.step()

    def step(self) -> float:
        """Work for at most a slice; seconds until there is more to do."""
        end = time.monotonic() + SLICE
        while True:
            now = time.monotonic()
            answered = self._hear(now)
            self._stand(self._books.in_air)
            launched = 0 if self._holds() else self._launch(time.monotonic())
            if not launched and not answered:
                return self._rest(now)
            if now >= end:
                return 0.0

    def close(self) -> None:
        """Hear nothing more."""
        if not self._closed:
            self._closed = True
            self._stand(0)
            self.heard.dropped = self._receive.dropped()
            self._receive.close()
            self._send.close()

    def _stand(self, in_air: int) -> None:
        self._pacer.awaited.stands(
            in_air=in_air, sent=self.tally.sent, accepted=self.tally.open, each=RESETS
        )

    def _batches(self, only: PlaceNumbers | None) -> Iterator[Targets]:
        for places in self._places.order(BATCH) if only is None else (only,):
            ips, ports = self._places.targets(places)
            yield Targets(places, ips, ports, self._cookie.marks(ips, ports))

    def _rest(self, now: float) -> float:
        rest = 0.05
        if self._books.in_air:
            rest = PATIENCE
        if self._waiting.due is not None:
            rest = min(rest, max(0.001, self._waiting.due - now))
        return min(rest, max(0.002, self._pacer.wait(CHUNK)))

    def _launch(self, now: float) -> int:
        count = min(CHUNK, self._send.room, self._pacer.spare())
        if count <= 0 or now < self._retry_at:
            return 0
        crowded = self._waiting.deferred >= MAX_DEFERRED
        targets = self._waiting.take(count, now, only_deferred=crowded)
        if not len(targets):
            return 0
        targets = self._allowed(targets)
        targets = self._with_room(targets, now)
        return self._fire(targets, now) if len(targets) else 0

    def _allowed(self, targets: Targets) -> Targets:
        """What the gate allows at this moment."""
        answer = self._gate.sort(targets.ips)
        if answer.allowed.all():
            return targets
        self.kept_back.excluded += int(np.count_nonzero(answer.excluded))
        self.kept_back.opted_out += int(np.count_nonzero(answer.opted_out))
        return targets[answer.allowed]

    def _with_room(self, targets: Targets, now: float) -> Targets:
        """Those whose host and network have a connection free; it is taken."""
        ranks = self._places.hosts(targets.places)
        free = self._air.enter(ranks)
        if not free.all():
            busy = targets[~free]
            self._waiting.defer(busy, np.full(len(busy), now + HOST_RETRY))
            targets, ranks = targets[free], ranks[free]
        waits = self._networks.enter_all(self._networks.of[ranks], now)
        entered = waits <= 0
        if not entered.all():
            self._air.leave(ranks[~entered])
            self._waiting.defer(targets[~entered], now + waits[~entered])
            targets = targets[entered]
        return targets

    def _fire(self, targets: Targets, now: float) -> int:
        """Send these; how many have left."""
        sender = self._cookie.sender(targets.marks, targets.places)
        self._send.write(targets.ips, targets.ports, sender)
        # Whatever held this process up between the gate and here may have ended its lease.
        stale = time.monotonic() - now > FRESH
        sent, error = (0, 0) if stale else self._send.send(len(targets))
        if sent < len(targets):
            stay = targets[sent:]
            self._air.leave(self._places.hosts(stay.places))
            self._waiting.defer(stay, np.full(len(stay), now + OURS_RETRY))
        if error:
            self._starve(error, now)
        if sent:
            self._starved_since = None
            self._books.launch(targets.places[:sent], time.monotonic())
            self.tally.sent += sent
            self._pacer.charge(sent)
        return sent

    def _starve(self, error: int, now: float) -> None:
        """The interface takes nothing more: wait for it; it tells nothing about these targets."""
        self._retry_at = now + OURS_RETRY
        self.heard.shortages += 1
        if self._starved_since is None:
            self._starved_since = now
        if now - self._starved_since > OURS_LIMIT:
            raise LocalError(
                f"no SYN could be sent for {OURS_LIMIT:.0f} s: {os.strerror(error)}; "
                "see to discovery.interface"
            )

    def _hear(self, now: float) -> int:
        """Judge answers, then give up what is silent; how many came or were given up."""
        if now - self._heard_at < PATIENCE and not self._receive.holds(ENOUGH):
            return 0
        self._heard_at = now
        packets, lengths = self._receive.look(ANSWERS)
        if count := len(packets):
            answers = read_answers(packets, lengths)
            self._receive.free(count)
            self._judge(answers)
        if self._receive.holds(1):
            return count  # whoever answered before now could still pass for silent
        silent = self._books.give_up(now - TIMEOUT)
        if len(silent):
            self.tally.silent += len(silent)
            self._air.leave(self._places.hosts(silent))
        return count + len(silent)

    def _judge(self, answers: Answers) -> None:
        # whether we asked for it or not: our kernel resets it
        if resets := int(np.count_nonzero(answers.said == Said.OPEN)):
            self._pacer.charge(resets)
        places = self._cookie.places(answers.ips, answers.ports, answers.heard)
        true = self._places.are(places, answers.ips, answers.ports)
        proven, places = answers.only(true), places[true]
        self.heard.strange += len(answers) - len(proven)
        deciding = self._books.settle(places, proven.said)
        decided = proven.only(deciding)
        ranks = self._places.hosts(places[deciding])
        self._air.leave(ranks)
        accepted = decided.said == Said.OPEN
        self._air.accepted(ranks[accepted])
        self.tally.open += int(np.count_nonzero(accepted))
        self.tally.refused += int(np.count_nonzero(decided.said == Said.REFUSED))
        self.tally.unreachable += int(np.count_nonzero(decided.said == Said.UNREACHABLE))
        opened = map(
            self._on_open, decided.ips[accepted].tolist(), decided.ports[accepted].tolist()
        )
        deque(opened, maxlen=0)
