"""The event loop of a shard's conversations."""

import asyncio
from typing import Any

_CLOSED = "the handler is closed"
"""How uvloop's error ends."""


def new_event_loop() -> asyncio.AbstractEventLoop:
    """Make a loop, uvloop's where there is one, that says nothing of connections we broke off."""
    try:
        import uvloop  # noqa: PLC0415 - Linux only
    except ImportError:
        loop: asyncio.AbstractEventLoop = asyncio.new_event_loop()
    else:
        loop = uvloop.new_event_loop()
    loop.set_exception_handler(_say_what_matters)
    return loop


def _say_what_matters(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Pass on what asyncio reports, but for answers to a peer whose connection we have closed.

    A TLS peer's last bytes, read after we have broken the conversation off, have uvloop write to
    the closed socket and print a stack trace of it.  The conversation's row has its end already.
    Not every transport that is closed says that it is closing; then the error says it.
    """
    transport, error = context.get("transport"), context.get("exception")
    if transport is not None and isinstance(error, RuntimeError):
        late = transport.is_closing() or str(error).endswith(_CLOSED)
        if late:
            return
    loop.default_exception_handler(context)
