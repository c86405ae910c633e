"""What both hosts of the canary share: the key, the log, the clocks, and how they greet."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from survey.canary.flood import Floodgate
from survey.canary.log import ArrivalLog, Then
from survey.canary.record import Unlisted
from survey.model.arrival import Arrival

FAILING = b"451 4.3.0 The canary can't write its log, try again later"
"""Instead of a 250 whenever the event behind it could not be made durable."""


@dataclass(frozen=True, slots=True)
class Desk:
    """The canary's own side of every conversation.

    Attributes:
        key: Key of tokens and nonces.
        name: What our hosts call themselves.
        about: Who we are, told in the greeting; printable ASCII.
        log: Where arrivals go.
        floodgate: Which of them get a line.
        now: The time of day, UTC.
        monotonic: Seconds that never jump.
        greeting: The first line that we say.
    """

    key: bytes
    name: str
    about: str
    log: ArrivalLog
    floodgate: Floodgate
    now: Callable[[], datetime]
    monotonic: Callable[[], float]
    greeting: bytes = field(init=False)

    def __post_init__(self) -> None:
        greeting = f"220 {self.name} ESMTP {self.about}".rstrip() + "\r\n"
        object.__setattr__(self, "greeting", greeting.encode("ascii"))

    def note(self, arrival: Arrival, then: Then | None = None) -> bool:
        """Put an arrival into the log, if the floodgate admits it; else ``then`` is not called."""
        admitted = self.floodgate.admits(arrival, self.monotonic())
        if admitted:
            self.log.append(arrival, then)
        return admitted

    def note_unlisted(self) -> None:
        """Put the number of events that got no line into the log."""
        if events := self.floodgate.take():
            self.log.append(Unlisted(at=self.now(), events=events))
