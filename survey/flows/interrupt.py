"""Ctrl-C as a wish: it is noted, and obeyed at the next look around.

As an exception it would come between any two steps, also between the one that takes a shard back
and the one that ends its lease; the next coordinator would then wait for a lease that is over.
"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)
"""A person's at a terminal, and a service manager's."""


@contextmanager
def interrupt_heard(stop: Callable[[], None]) -> Iterator[None]:
    """Until the end of the block, the first signal calls ``stop``; the second one acts as ever.

    Only the main thread hears signals; in any other this does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in SIGNALS}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def heard(_: int, __: FrameType | None) -> None:
        restore()
        stop()

    for number in SIGNALS:
        signal.signal(number, heard)
    try:
        yield
    finally:
        restore()
