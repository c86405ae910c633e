"""Waits for the log: an answer is given only when every event behind it is on disk."""

import asyncio

from survey.canary.log import Then


class Durable:
    """Several events that one answer rests on."""

    def __init__(self) -> None:
        self._events: list[asyncio.Future[bool]] = []

    def add(self) -> Then:
        """The callback for one more event."""
        event: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._events.append(event)

        def then(written: bool) -> None:  # noqa: FBT001 - the shape of Then
            if not event.done():  # the peer may have gone, and its conversation with it
                event.set_result(written)

        return then

    async def all(self) -> bool:
        """Whether every event could be written."""
        return all([await event for event in self._events])
