"""Is our own canary in order?  If not, a test would find every proxy closed.

This is the canary's own named door (law 1): it dials nothing but the plan's canary, and what it
sends is no measurement.  A fresh connection each time, for that is what a test needs of it.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from survey.errors import SurveyError
from survey.model.address import format_ip
from survey.model.plan import Canary, Endpoint

INTERVAL = 5.0
"""Seconds between two checks."""

PATIENCE = 3.0
"""Seconds for one check of one door."""

LONGEST_ILLNESS = 300.0
"""Seconds for which a shard waits for the canary before it fails."""

LINE = 1024
"""Bytes of a line at most."""


class CanaryWatch:
    """Checks all doors again and again.

    Args:
        canary: Where they are.
        clock: Seconds, monotonic.
        longest_illness: Seconds after which ``run`` gives up.

    Attributes:
        illnesses: How often it fell ill; the same before and after a test means that it was well.
        found_ill: Whether the last check found it ill; not before the first.
    """

    def __init__(
        self,
        canary: Canary,
        clock: Callable[[], float],
        *,
        longest_illness: float = LONGEST_ILLNESS,
    ) -> None:
        self._doors, self._web = (canary.smtp, canary.echo), canary.web
        self._clock = clock
        self._listeners: list[Callable[[float, bool], None]] = []
        self._longest_illness = longest_illness
        self._ill_since: float | None = clock()
        self._recovered = asyncio.Event()
        self.found_ill = False
        self.illnesses = 0

    def subscribe(self, listener: Callable[[float, bool], None]) -> None:
        """Call it after each check with the moment when that began, and whether it was good."""
        self._listeners.append(listener)

    def healthy(self) -> bool:
        """Whether the last check of all doors was good; not before the first."""
        return self._ill_since is None

    async def recovery(self) -> None:
        """Wait until it is healthy."""
        await self._recovered.wait()

    async def run(self) -> None:
        """Check for ever.

        Raises:
            SurveyError: It has been ill for too long.
        """
        while True:
            if not await self.check() and self._ill_for() > self._longest_illness:
                raise SurveyError(
                    f"the canary has not answered for {self._longest_illness:.0f} s; "
                    "start `survey canary`, then resume the scan"
                )
            await asyncio.sleep(INTERVAL if self.healthy() else INTERVAL / 5)

    async def check(self) -> bool:
        """Check each door once; whether all are in order."""
        began = self._clock()
        checks = [answers_noop(door) for door in self._doors]
        if self._web is not None:
            checks.append(answers_get(self._web))
        good = all(await asyncio.gather(*checks))
        self.found_ill = not good
        if good:
            self._ill_since = None
            self._recovered.set()
        elif self._ill_since is None:
            self._ill_since = began
            self.illnesses += 1
            self._recovered.clear()
        for listener in self._listeners:
            listener(began, good)
        return good

    def _ill_for(self) -> float:
        return 0.0 if self._ill_since is None else self._clock() - self._ill_since


async def answers_noop(door: Endpoint) -> bool:
    """Whether a door of the canary greets with 220 and answers NOOP with 250."""
    with suppress(OSError, asyncio.LimitOverrunError, asyncio.IncompleteReadError):
        async with asyncio.timeout(PATIENCE):
            reader, writer = await asyncio.open_connection(
                format_ip(door.ip), door.port, limit=LINE
            )
            try:
                greeted = (await reader.readuntil(b"\n")).startswith(b"220")
                writer.write(b"NOOP\r\n")
                answered = (await reader.readuntil(b"\n")).startswith(b"250")
                writer.write(b"QUIT\r\n")
                await writer.drain()
                return greeted and answered
            finally:
                writer.close()
    return False


async def answers_get(door: Endpoint) -> bool:
    """Whether the canary's web host answers a request for its own page with 200."""
    with suppress(OSError, asyncio.LimitOverrunError, asyncio.IncompleteReadError):
        async with asyncio.timeout(PATIENCE):
            reader, writer = await asyncio.open_connection(
                format_ip(door.ip), door.port, limit=LINE
            )
            try:
                writer.write(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n")
                return (await reader.readuntil(b"\n")).startswith(b"HTTP/1.1 200 ")
            finally:
                writer.close()
    return False
