"""What is served knows things as of its last look: looks again and again, beside the serving."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from survey.errors import SurveyError

_LOG = logging.getLogger("survey.site")


class Refreshed(Protocol):
    """What knows things as of its last look."""

    def refresh(self) -> None:
        """Look again."""


@contextmanager
def refreshing(desk: Refreshed, seconds: float) -> Iterator[None]:
    """Look at ledger and tables again and again, meanwhile."""
    stop = threading.Event()

    def again() -> None:
        while not stop.wait(seconds):
            try:
                desk.refresh()
            except SurveyError as error:  # what was known stays; its text may name a host
                _LOG.warning("ledger or tables can't be read: %s", type(error).__name__)

    thread = threading.Thread(target=again, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
