"""The coordinator's end of the dead-man's switch: who may send, and until when surely (law 5).

No I/O: questions come in, answers go out, by a clock that it is handed.  It never guesses: a lease
that was answered last at t is over at t + time to live, whatever became of its worker.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from survey.model.control import Lease, Renewal, Word

GRACE = 6.0
"""Seconds beyond a lease's time to live until nothing of it can be on the wire.

The kernel goes on for its worker: TCP_USER_TIMEOUT lets it repeat unacknowledged data and goodbyes
of closed connections for 5 s.  The rest is for clocks that do not run alike.
"""

HEARTLESS = 3.0
"""Seconds without a beat after which nothing is renewed: stop wishes and opt-outs may have come.

With a time to live of 12 s, whoever is cut off from them has stopped sending after 15 s.
"""


@dataclass(slots=True)
class _Held:
    """A lease that is granted.

    Attributes:
        holder: Who asked first, or None if nobody did yet; nobody else is ever answered.
        answered_at: When it was last renewed.
        optouts: Entries of the opt-out log that its worker surely obeys.
    """

    holder: str | None = None
    answered_at: float = 0.0
    optouts: int = 0


class Leases:
    """All leases of one coordinator; for any thread.

    Args:
        epoch: The coordinator's number.
        rate: Packets/s at most, until told otherwise.
        lease_seconds: Time to live of a lease.
        clock: Seconds, monotonic.
        grace: See GRACE.
    """

    def __init__(
        self,
        epoch: int,
        rate: int,
        lease_seconds: float,
        clock: Callable[[], float],
        grace: float = GRACE,
    ) -> None:
        self._epoch, self._seconds, self._clock = epoch, lease_seconds, clock
        self._rest = lease_seconds + grace
        self._heartless = min(HEARTLESS, lease_seconds / 4)
        self._lock = threading.Lock()
        self._held: dict[Lease, _Held] = {}
        self._dying: list[tuple[float, int]] = []
        self._beat_at = clock()
        self._stop = self._paused = False
        self._rate, self._optouts = rate, 0

    @property
    def stopped(self) -> bool:
        """Whether everybody is told to break off."""
        return self._stop

    @property
    def paused(self) -> bool:
        """Whether everybody is told to send nothing new."""
        return self._paused

    @property
    def rate(self) -> int:
        """Packets/s at most for all together."""
        return self._rate

    def beat(self, *, paused: bool, rate: int, optouts: int) -> None:
        """The coordinator lives, and this is what it wants; call about once a second."""
        with self._lock:
            self._beat_at = self._clock()
            self._paused, self._rate, self._optouts = paused, rate, optouts

    def stop(self) -> None:
        """Tell everybody to break off, from now on; this can't be taken back."""
        self._stop = True

    def grant(self, lease: Lease) -> None:
        """Let one more send, as soon as its worker asks."""
        with self._lock:
            assert lease not in self._held, lease
            self._held[lease] = _Held()

    def revoke(self, lease: Lease) -> float:
        """Renew it no more; when nothing of it can be on the wire any more, on our clock."""
        with self._lock:
            held = self._held.pop(lease)
            if held.holder is None:
                return self._clock()  # it never got an answer, so it never sent anything
            over_at = held.answered_at + self._rest
            self._dying.append((over_at, held.optouts))
            return over_at

    def expired(self, lease: Lease) -> bool:
        """Whether it was not renewed for so long that nothing of it can be on the wire any more."""
        with self._lock:
            held = self._held[lease]
            asked = held.holder is not None
            return asked and self._clock() >= held.answered_at + self._rest

    def finish(self, lease: Lease) -> None:
        """Its worker has told us itself that it sends nothing any more."""
        with self._lock:
            del self._held[lease]

    def answer(self, renewal: Renewal) -> Word | None:
        """The word to a worker's question; None: say nothing, for our own heart has stopped."""
        with self._lock:
            now = self._clock()
            if now - self._beat_at > self._heartless:
                return None
            held = self._held.get(renewal.lease)
            granted = (
                held is not None
                and renewal.epoch == self._epoch
                and held.holder in {None, renewal.holder}
            )
            if granted and not self._stop:
                assert held is not None
                # A worker's gate refuses to send before it knows what it is told here.
                first = self._optouts if held.holder is None else held.optouts
                held.holder, held.answered_at = renewal.holder, now
                held.optouts = max(first, renewal.optouts)
            return Word(
                epoch=self._epoch,
                granted=granted,
                stop=self._stop,
                paused=self._paused,
                rate=self._rate,
                optouts=self._optouts,
                now=now,
            )

    def optouts_obeyed(self) -> int:
        """Entries of the opt-out log that everybody obeys who may still send."""
        with self._lock:
            now = self._clock()
            self._dying = [one for one in self._dying if one[0] > now]
            living = [each.optouts for each in self._held.values() if each.holder is not None]
            return min([self._optouts, *living, *(optouts for _, optouts in self._dying)])

    def longest_silence(self) -> float:
        """Seconds since the lease was renewed that was renewed longest ago; 0.0 without leases."""
        with self._lock:
            answered = [each.answered_at for each in self._held.values() if each.holder]
            return self._clock() - min(answered) if answered else 0.0

    def over(self) -> bool:
        """Whether nothing of any lease can be on the wire any more."""
        with self._lock:
            now = self._clock()
            held = any(each.holder is not None for each in self._held.values())
            return not held and all(over_at <= now for over_at, _ in self._dying)
