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
    domain = check_address(contact.email).rpartition("@")[2].lower()
    parts = domain.split(".")
    if any(".".join(parts[place:]) in REGISTRIES for place in range(len(parts))):
        raise MessageError(f"the contact ({contact.snapshot}) is a registry's mailbox")
    return contact
