"""What a public database says about an address."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Listing:
    """One entry of a public database whose range holds an address.

    Attributes:
        name: Name of the public database.
        since: Listed since, UTC, or None if it does not say.
        snapshot: Id of the snapshot that says so.
    """

    name: str
    since: datetime | None
    snapshot: str
