"""One thing that is handed to one receiver, and how far that is (docs/delivery.md)."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class DispatchState(StrEnum):
    """How far a dispatch is; written down before the step that it names begins."""

    PLANNED = "planned"
    """Prepared; nothing left."""
    SENDING = "sending"
    """On the way; nothing that the receiver could take for whole."""
    HANDING = "handing"
    """The one step is made after which the receiver has it."""
    DELIVERED = "delivered"
    """The receiver said so, or holds it."""
    REFUSED = "refused"
    """The receiver will not have it; a person must look."""
    UNCERTAIN = "uncertain"
    """It may have arrived; nobody who can be asked knows.  Never sent again by itself."""


@dataclass(frozen=True, slots=True)
class Dispatch:
    """One message to one mailbox, or one file to one place.

    Attributes:
        id: Names it for good: agency, period, destination, revision and part hashed, hex.
        agency: Agency id.
        period: The report's period.
        destination: Name of the agency's destination.
        revision: 1, or higher for a corrected report.
        part: The mailbox, or the file's name at the receiver.
        place: Mail domain, or host, that its limit counts for.
        report: SHA-256 of the report's manifest, hex.
        prepared: Path of the prepared bytes, below the data directory.
        sha256: Of the bytes that are handed over, hex.
        bytes: How many.
        order: Which comes first; the manifest comes last.
        state: How far it is.
        attempts: How often it was begun.
        changed_at: Since when it is so, UTC.
        receipt: What the receiver said, or how we know.
    """

    id: str
    agency: str
    period: str
    destination: str
    revision: int
    part: str
    place: str
    report: str
    prepared: str
    sha256: str
    bytes: int
    order: int
    state: DispatchState
    attempts: int
    changed_at: datetime
    receipt: str
