"""Who is written to about an address, and in whose name; nobody is guessed."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Protocol

from survey.flows.contacts import (
    cert_for,
    contacts_for,
    suppress_contact,
    suppressions,
    why_not,
)
from survey.model.agency import Agency, closest_agency
from survey.model.contact import Contact
from survey.model.exposure import OpenServer
from survey.settings import Settings
from survey.storage.suppression_list import Cause


class Reach(Protocol):
    """Who may be written to; asked up to the moment at which a letter leaves."""

    def contacts(self, ips: Collection[int], now: datetime) -> Mapping[int, Contact]:
        """The contact of each address that has one whom a letter may go to."""

    def authority(self, server: OpenServer) -> Contact | None:
        """The national CERT that answers where a server is, if it is known."""

    def why_not(self, email: str, ips: Collection[int]) -> str:
        """Why a mailbox must not be written to now about some servers, or ""."""

    def suppressed(self, email: str) -> str:
        """Why nothing is sent to a mailbox any more, or ""."""

    def suppress(self, email: str, why: str, now: datetime, *, asked: bool) -> None:
        """Nothing more goes there: somebody there asked for it, or nobody reads it."""


@dataclass(frozen=True, slots=True)
class Contacts:
    """As ``contacts.toml`` has it (docs/contacts.md)."""

    settings: Settings
    file: Path

    def contacts(self, ips: Collection[int], now: datetime) -> dict[int, Contact]:
        """Those whom a letter may go to."""
        found = contacts_for(self.settings, ips, contacts=self.file, now=now)
        return {ip: plain_mailbox(one.contact) for ip, one in found.items() if one.contact}

    def authority(self, server: OpenServer) -> Contact | None:
        """As ``[[certs]]`` has it."""
        return cert_for(self.file, server.country)

    def why_not(self, email: str, ips: Collection[int]) -> str:
        """A registry's, suppressed, or at the server under report."""
        return why_not(self.file, email, ips)

    def suppressed(self, email: str) -> str:
        """What the organisation's list says."""
        entry = suppressions(self.file).of(email)
        return f"suppressed since {entry.added_at:%Y-%m-%d}: {entry.why}" if entry else ""

    def suppress(self, email: str, why: str, now: datetime, *, asked: bool) -> None:
        """One entry in the organisation's list, unless there is one."""
        known = suppressions(self.file).of(email)
        if known is None or (asked and known.cause is Cause.DEAD):
            cause = Cause.ASKED if asked else Cause.DEAD
            suppress_contact(self.settings, self.file, email, cause, "survey notify", why, now)


def plain_mailbox(contact: Contact) -> Contact:
    """The same, its mailbox's domain in lower case, so that one mailbox is one case."""
    local, _, domain = contact.email.rpartition("@")
    return replace(contact, email=f"{local}@{domain.lower()}")


def agency_for(agencies: Collection[Agency], server: OpenServer) -> Agency | None:
    """The closest agency that answers for a server, or None."""
    return closest_agency(agencies, server.ip, server.country, server.asn)
