"""Who may ask: the key that a program shows, or that a person's session names."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request

from survey.model.portal import Scope
from survey.portal.desk import Desk, Reader
from survey.portal.limits import Limits

Answer = TypeVar("Answer")

_THREADS = 8
_LONGEST = 200
"""Characters of a header worth a look; a key has 74."""


class Access:
    """Keys of one portal, and how often each may ask."""

    def __init__(self, desk: Desk, *, per_second: float) -> None:
        self._desk = desk
        self._asked = Limits(per_second, 10 * per_second)
        self._failed = Limits(0.1, 10)
        self._slots = asyncio.Semaphore(_THREADS)

    async def ask(self, question: Callable[..., Answer], *about: Any) -> Answer:
        """Ask the desk in a thread; few at once, so that the site's own pages have threads, too."""
        async with self._slots:
            return await run_in_threadpool(question, *about)

    async def program(self, request: Request) -> Reader:
        """Who shows a key in the ``Authorization`` header.

        Raises:
            HTTPException: Nobody whom we know (401), or too often (429).
        """
        shown = request.headers.getlist("authorization")
        kind, _, text = shown[0][:_LONGEST].partition(" ") if len(shown) == 1 else ("", "", "")
        reader = await self.reader(request, text) if kind.lower() == "bearer" else None
        if reader is None:
            raise HTTPException(401, headers={"WWW-Authenticate": 'Bearer realm="portal"'})
        self.spend(reader)
        return reader

    async def reader(self, request: Request, text: str) -> Reader | None:
        """Who shows a key, wherever; a visitor that shows many that are none has to wait."""
        reader = await self.ask(self._desk.reader, text)
        visitor = request.client.host if request.client else ""
        if reader is None and not self._failed.may(visitor):
            raise HTTPException(429, headers={"Retry-After": str(self._failed.wait)})
        return reader

    def spend(self, reader: Reader) -> None:
        """One more request of a key."""
        if not self._asked.may(reader.key.id):
            raise HTTPException(429, headers={"Retry-After": str(self._asked.wait)})

    async def need(self, reader: Reader, scopes: Iterable[Scope], what: str) -> None:
        """Go on if the key has one of the scopes.

        Raises:
            HTTPException: It has none (403); that is in the audit log.
        """
        if not reader.key.scopes & set(scopes):
            await self.ask(self._desk.refused, reader, what)
            raise HTTPException(403)
