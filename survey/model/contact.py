"""Who answers for an address, as a registry snapshot says; personal data (law 10)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Contact:
    """The contact of the range that holds an address.

    Attributes:
        email: Mailbox, checked for form only.
        name: Organisation, a stranger's words, or "".
        language: Its language (BCP 47), or "".
        snapshot: Id of the snapshot that says so.
    """

    email: str
    name: str
    language: str
    snapshot: str
