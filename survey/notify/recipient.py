"""Whether a contact may be written to: an operator's own mailbox, never a registry's."""

from survey.errors import MessageError
from survey.mail.message import check_address
from survey.model.contact import Contact

# Registries list themselves where they know nobody (LACNIC does for whole ranges); they run none of
# these servers, and robots' mail about them has made registries block notifiers.
REGISTRIES = frozenset(
    {
        # the five regional ones, and who stands above them
        "afrinic.net",
        "apnic.net",
        "arin.net",
        "lacnic.net",
        "ripe.net",
        "iana.org",
        "icann.org",
        # national ones below them
        "cnnic.cn",
        "idnic.net",
        "irinn.in",
        "kisa.or.kr",
        "krnic.net",
        "nic.ad.jp",
        "nic.br",
        "nic.mx",
        "nic.or.kr",
        "registro.br",
        "twnic.net.tw",
        "twnic.tw",
        "vnnic.vn",
    }
)
"""Domains whose mailboxes, and those of their subdomains, never get a letter."""


def check_recipient(contact: Contact | None) -> Contact:
    """The contact, if a letter may go there.

    Raises:
        MessageError: Nobody is known, the address is none, or it is a registry's.
    """
    if contact is None:
        raise MessageError("no registry snapshot names a contact for this address")
    if is_registrys(check_address(contact.email)):
        said_by = contact.snapshot or contact.server
        raise MessageError(f"the contact ({said_by}) is a registry's mailbox")
    return contact


def is_registrys(email: str) -> bool:
    """Whether a mailbox is a registry's, at its domain or below."""
    parts = email.rpartition("@")[2].lower().rstrip(".").split(".")
    return any(".".join(parts[place:]) in REGISTRIES for place in range(len(parts)))
