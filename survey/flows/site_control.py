"""Whether a visitor controls an address he does not come from: a token in its reverse DNS.

One question to the campaign's resolver, which has seconds for it; nothing is sent to the address.
"""

import hmac
import threading
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from survey.enrichment.contacts.names import MOST_TEXTS, Resolver, UnsureError
from survey.model.site import control_record
from survey.site.desk import Answer
from survey.targets.campaign import Campaign
from survey.targets.ranges import RangeSet
from survey.targets.reach import reach

PER_VISITOR = 20
"""Questions for one visitor in a day."""
PER_HOUR = 600
"""Questions for everybody in an hour."""
AT_ONCE = 4
"""Questions that wait for an answer at a time: the site has threads for others, too."""
_DAY, _HOUR = timedelta(days=1), timedelta(hours=1)


def utc_now() -> datetime:
    """The time of day."""
    return datetime.now(UTC)


class Control:
    """Asks whether a token is there; who asked is kept in memory, for a day, and nowhere else."""

    def __init__(
        self,
        texts: Callable[[str], tuple[bytes, ...]],
        within: RangeSet,
        *,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        """How TXT records are looked up, and about which addresses."""
        self._texts, self._within, self._now = texts, within, now
        self._asked: deque[tuple[datetime, str]] = deque()
        self._lock = threading.Lock()
        self._at_once = threading.BoundedSemaphore(AT_ONCE)

    def refused(self, ip: int, token: str, visitor: str) -> Answer | None:
        """Why control of the address is not proven, or None if it is.

        Whether the address is in a plan or opted out makes no difference here: a stranger who
        names it learns nothing.
        """
        if ip not in self._within:
            return Answer.NOT_PLANNED
        if not self._at_once.acquire(blocking=False):
            return Answer.BUSY
        try:
            refused = self._too_often(visitor)
            if refused:
                return refused
            found = self._texts(control_record(ip))[:MOST_TEXTS]
        except UnsureError:
            return Answer.NO_ANSWER
        finally:
            self._at_once.release()
        same = [hmac.compare_digest(text, token.encode()) for text in found]
        return None if any(same) else Answer.NOT_FOUND

    def _too_often(self, visitor: str) -> Answer | None:
        """Whether nobody, or this one, may ask now; counts the question if they may."""
        now = self._now()
        with self._lock:
            while self._asked and now - self._asked[0][0] >= _DAY:
                self._asked.popleft()
            if sum(who == visitor for _, who in self._asked) >= PER_VISITOR:
                return Answer.TOO_SOON
            if sum(now - at < _HOUR for at, _ in self._asked) >= PER_HOUR:
                return Answer.BUSY
            self._asked.append((now, visitor))
        return None


def control_of(campaign: Campaign) -> Control | None:
    """By the campaign's own resolver; None if it has none, as a lab with a hosts file."""
    at = campaign.names.resolver
    if at is None:
        return None

    def texts(name: str) -> tuple[bytes, ...]:
        return Resolver(at).texts(name)  # remembers nothing: who was too early comes again

    return Control(texts, reach(campaign.kind))
