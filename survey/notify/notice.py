"""What a letter tells: the facts of one finding, gathered by the flow, nothing decided here."""

from dataclasses import dataclass

from survey.model.agency import Agency
from survey.model.contact import Contact
from survey.model.exposure import OpenServer
from survey.model.listing import Listing
from survey.model.plan import Identity


@dataclass(frozen=True, slots=True)
class Notice:
    """One finding, to be told to one operator.

    Attributes:
        case: Number by which the operator and we talk about it, ``OSYS-2026-000123``.
        preview: Nobody gets it; the letter says so.
        campaign: Campaign id.
        run: Run id.
        server: The finding, of rung R5 or higher, and where it lies.
        listings: Public databases that name the address.
        contact: Who answers for the address.
        agency: In whose name the letter is written.
        identity: The operation's own mailbox and page, and who measures.
    """

    case: str
    preview: bool
    campaign: str
    run: str
    server: OpenServer
    listings: tuple[Listing, ...]
    contact: Contact
    agency: Agency
    identity: Identity
