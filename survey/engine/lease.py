"""The worker's end of the dead-man's switch: may this shard still send (law 5)?

It asks the coordinator again and again, over a TLS channel of their own.  A lease lives for so many
seconds from the moment when the question was *asked*, on the worker's own clock; the coordinator
counts from its answer, which comes later, so it never thinks a lease over while it is alive here.
The last part of a lease is for breaking off; at its very end the watchdog ends what is left.

This is a named door of its own (law 1): it dials the coordinator of its assignment and nobody else.
"""

import asyncio
import secrets
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn, Protocol

from survey.engine.watchdog import boottime
from survey.errors import StoppedError
from survey.model.assignment import Assignment
from survey.model.control import Lease, Renewal, Word
from survey.protocols.lease_line import LINE, renewal_to_line, word_from_line
from survey.storage.certificates import COORDINATOR

INTERVAL = 1.0
"""Seconds between two renewals; less if leases are short."""

LAST_PART = 1 / 8
"""Share of a lease that is left for breaking off."""

RETRY = 0.25
"""Seconds until a question that got no answer is asked anew."""


class Guard(Protocol):
    """Ends the process when its time is up."""

    def arm(self, until: float) -> None:
        """At this moment of the lease's clock."""

    def disarm(self) -> None:
        """Not any more."""


class LeaseWatch:
    """Keeps one lease alive, and knows until when it is.

    Args:
        assignment: Whose lease, and where its coordinator listens.
        tls: The worker's end.
        lease_seconds: Time to live of a lease.
        clock: Seconds; goes on while the process or the machine sleeps.
        guard: The watchdog, if workers are processes of their own.
    """

    def __init__(
        self,
        assignment: Assignment,
        tls: ssl.SSLContext,
        lease_seconds: float,
        *,
        clock: Callable[[], float] = boottime,
        guard: Guard | None = None,
    ) -> None:
        self._where = assignment.leases_at
        self._epoch, self._tls, self._seconds = assignment.epoch, tls, lease_seconds
        self._lease = Lease(assignment.slot, assignment.shard, assignment.attempt)
        self._holder = secrets.token_hex(8)
        self._clock, self._guard = clock, guard
        self._interval = min(INTERVAL, lease_seconds / 6)
        self._until = float("-inf")
        self._line: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._optouts = 0
        self._ahead = 0.0
        self._trouble = ""

    def alive(self) -> bool:
        """Whether anything may be sent at this moment."""
        return self._clock() < self._until

    def assure(self) -> bool:
        """True; for the gate, which asks before every sending.

        Raises:
            StoppedError: Nothing may be sent any more.
        """
        if not self.alive():
            self._silent()
        return True

    def common_clock(self) -> float:
        """Seconds on the coordinator's clock, the same in every worker to within a round trip."""
        return self._clock() + self._ahead

    async def begin(self) -> Word:
        """Ask for the first time; nothing may be sent before the answer.

        Raises:
            StoppedError: The scan is stopped, another coordinator took over, this shard was given
                up for lost, or no answer came for too long.
        """
        try:
            async with asyncio.timeout(self._seconds):
                return await self._ask()
        except TimeoutError:
            self._silent()

    async def keep(self, obey: Callable[[Word], int]) -> NoReturn:
        """Ask again and again; each word is obeyed, and what came of it is told the next time.

        Args:
            obey: Returns how many entries of the opt-out log are obeyed now.

        Raises:
            StoppedError: As ``begin``.
        """
        try:
            async with asyncio.timeout(self._left()) as patience:
                while True:
                    word = await self._ask()
                    patience.reschedule(asyncio.get_running_loop().time() + self._left())
                    before, self._optouts = self._optouts, obey(word)
                    if self._optouts == before:
                        await asyncio.sleep(self._interval)
        except TimeoutError:
            self._silent()

    def end(self) -> None:
        """Nothing is in the air any more: give the lease up and let the process live."""
        self._until = float("-inf")
        self._hang_up()
        if self._guard is not None:
            self._guard.disarm()

    async def _ask(self) -> Word:
        """One question and its answer, over as many connections as it takes."""
        while True:
            asked_at = self._clock()
            try:
                async with asyncio.timeout(self._seconds / 3):
                    word = await self._exchange()
            except (OSError, EOFError, ValueError, asyncio.LimitOverrunError) as error:
                # TimeoutError is an OSError.  A line without an answer to this question would
                # give the next one an answer that is too old.
                self._trouble = f" ({error})" if str(error) else ""
                self._hang_up()
                await asyncio.sleep(min(RETRY, self._interval))
                continue
            self._check(word)
            self._until = asked_at + self._seconds * (1 - LAST_PART)
            if self._guard is not None:
                self._guard.arm(asked_at + self._seconds)
            self._ahead = word.now - (asked_at + self._clock()) / 2
            return word

    async def _exchange(self) -> Word:
        if self._line is None:
            host, _, port = self._where.rpartition(":")
            self._line = await asyncio.open_connection(
                host, int(port), ssl=self._tls, server_hostname=COORDINATOR, limit=LINE
            )
        reader, writer = self._line
        writer.write(
            renewal_to_line(Renewal(self._epoch, self._lease, self._holder, self._optouts))
        )
        await writer.drain()
        return word_from_line(await reader.readuntil(b"\n"))

    def _check(self, word: Word) -> None:
        if word.epoch != self._epoch:
            self._end("another coordinator has taken over")
        if word.stop:
            self._end("the scan was stopped")
        if not word.granted:
            self._end("the coordinator has given this shard up for lost")

    def _left(self) -> float:
        return max(0.0, self._until - self._clock())

    def _hang_up(self) -> None:
        if self._line is not None:
            with suppress(OSError):
                self._line[1].transport.abort()
            self._line = None

    def _silent(self) -> NoReturn:
        self._end(f"nothing was heard from the coordinator for {self._seconds:g} s{self._trouble}")

    def _end(self, why: str) -> NoReturn:
        self._until = float("-inf")
        self._hang_up()
        raise StoppedError(f"shard {self._lease.shard} broke off: {why}")
