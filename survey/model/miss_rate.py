"""How many open ports one look misses, estimated from a second look at a few targets."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MissRate:
    """What the second look of a run says about the first.

    Attributes:
        rechecked: Targets that were dialled a second time: a random sample of the whole plan.
        reopened: Of those, accepted the second connection.
        missed: Of those again, had not accepted the first.
        low: Lower end of the 95 % interval of the share of open ports that one look misses.
        high: Its upper end; 0 to 1 while no target of the sample was open.
    """

    rechecked: int
    reopened: int
    missed: int
    low: float
    high: float

    @property
    def share(self) -> float | None:
        """The estimate; None while it rests on nothing."""
        return self.missed / self.reopened if self.reopened else None
