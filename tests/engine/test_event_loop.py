"""What a shard's event loop says of errors that no task sees."""

import asyncio
import logging
import socket

import pytest

from survey.engine.event_loop import new_event_loop


async def told_of_an_error(error: Exception, *, closed: bool) -> None:
    """Have the loop report an error of a transport, as the transports themselves do."""
    loop = asyncio.get_running_loop()
    near, far = socket.socketpair()
    transport, _ = await loop.create_connection(asyncio.Protocol, sock=near)
    if closed:
        transport.abort()
    loop.call_exception_handler(
        {"message": "Fatal error on SSL protocol", "exception": error, "transport": transport}
    )
    transport.abort()
    far.close()


@pytest.mark.parametrize(
    ("error", "closed", "said"),
    [
        (RuntimeError("no more"), True, False),
        (RuntimeError("no operation on this; the handler is closed"), False, False),
        (RuntimeError("no more"), False, True),
        (AssertionError("ours"), True, True),
    ],
)
def test_only_a_late_answer_to_a_broken_off_connection_is_not_told(
    caplog: pytest.LogCaptureFixture,
    error: Exception,
    closed: bool,  # noqa: FBT001 - one of a row's values
    said: bool,  # noqa: FBT001 - as above
) -> None:
    """A stack trace about a closed socket is no use to whoever stopped the scan."""
    with caplog.at_level(logging.ERROR), asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(told_of_an_error(error, closed=closed))

    assert ("Fatal error on SSL protocol" in caplog.text) is said
