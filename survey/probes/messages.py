"""At most three messages to one host in a whole run, follow-ups and lost attempts included.

A worker that dies may have sent some that no committed row tells of; so each is written down before
it leaves (``storage.messages``), and whoever tries that host next begins with what is there.
"""

from collections import Counter
from collections.abc import Callable, Mapping

MOST_MESSAGES = 3
"""To one address in one run, over all its ports and all attempts."""


class Messages:
    """What may still be sent to each host.

    Args:
        sent: Messages of this run that each address (number) got before.
        note: Called before each further one leaves; it is durable when this returns.
    """

    def __init__(
        self, sent: Mapping[int, int] | None = None, note: Callable[[int], None] | None = None
    ) -> None:
        self._sent = Counter(sent or {})
        self._note = note

    def left(self, ip: int) -> bool:
        """Whether this host may get one more."""
        return self._sent[ip] < MOST_MESSAGES

    def spend(self, ip: int) -> None:
        """One leaves now."""
        assert self.left(ip), "whoever sends a message asks first"
        if self._note is not None:
            self._note(ip)
        self._sent[ip] += 1
