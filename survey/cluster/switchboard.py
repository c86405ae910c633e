"""Where workers ask whether they may go on: the coordinator's own TLS channel (decision 0110).

In a thread of its own, so that neither Dask nor a slow disk delays an answer.  Both ends show a
certificate of this installation; nobody else gets so far as to ask.
"""

import asyncio
import ssl
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self

from survey.cluster.leases import Leases
from survey.errors import ConfigError
from survey.protocols.lease_line import LINE, renewal_from_line, word_to_line

IDLE = 60.0
"""Seconds after which a worker that asks nothing is hung up on; it asks about once a second."""

HANDSHAKE = 5.0
"""Seconds for the TLS handshake."""

BACKLOG = 1024
"""Workers that may call at the same moment."""


class Switchboard:
    """Answers from ``with`` to its end.

    Args:
        leases: Who may send.
        tls: The coordinator's end.
        host: Address to listen on.
        port: 0 lets the system choose.

    Attributes:
        address: Where it listens, ``host:port``.
    """

    address: str

    def __init__(self, leases: Leases, tls: ssl.SSLContext, host: str, port: int = 0) -> None:
        self._leases, self._tls, self._host, self._port = leases, tls, host, port
        self._ready = threading.Event()
        self._failed: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._end = asyncio.Event()
        self._lines: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._serve, name="survey-leases", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        if self._failed is not None:
            raise ConfigError(
                "--leases",
                "",
                f"can't listen on {self._host}:{self._port} ({self._failed})",
                "give an address of this machine that the workers reach",
            ) from self._failed
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._loop is not None:
            with suppress(RuntimeError):  # it has ended by itself
                self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join()

    @property
    def alive(self) -> bool:
        """Whether it still answers."""
        return self._thread.is_alive()

    def _serve(self) -> None:
        try:
            with asyncio.Runner() as runner:
                runner.run(self._listen())
        except BaseException as error:  # noqa: BLE001 - seen by who started it, or by ``alive``
            self._failed = error
        finally:
            self._ready.set()

    async def _listen(self) -> None:
        self._loop = asyncio.get_running_loop()
        server = await asyncio.start_server(
            self._answer,
            self._host,
            self._port,
            ssl=self._tls,
            ssl_handshake_timeout=HANDSHAKE,
            limit=LINE,
            backlog=BACKLOG,
        )
        host, port = server.sockets[0].getsockname()[:2]
        self.address = f"{host}:{port}"
        self._ready.set()
        await self._end.wait()
        server.close()
        for line in self._lines:
            line.cancel()
        await asyncio.gather(*self._lines, return_exceptions=True)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._lines.add(task)
        try:
            while True:
                async with asyncio.timeout(IDLE):
                    question = await reader.readuntil(b"\n")
                    word = self._leases.answer(renewal_from_line(question))
                    if word is not None:
                        writer.write(word_to_line(word))
                        await writer.drain()
        except (OSError, EOFError, ValueError, asyncio.LimitOverrunError, asyncio.CancelledError):
            pass  # gone, silent, or no worker of ours
        finally:
            self._lines.discard(task)
            writer.transport.abort()
