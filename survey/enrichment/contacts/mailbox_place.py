"""Does a mailbox lie at the server that a letter is about?  Then nothing is ever sent there.

Who abuses the server reads its mail, or it is never read; and the mail would go through the very
door that the letter asks to close.
"""

from collections.abc import Iterable

from survey.enrichment.contacts.names import Names, is_address, is_name, points_back
from survey.model.address import format_ip

MOST_EXCHANGERS = 20
"""Mail hosts of a domain: each is looked at, so a domain with more is left alone."""


def why_not_there(names: Names, email: str, ips: Iterable[int]) -> str:
    """Why a mailbox can't be written to about some servers, or "".

    Args:
        names: Where names are looked up.
        email: The mailbox, checked for form.
        ips: The servers.

    Raises:
        UnsureError: It could not be told.
    """
    servers = frozenset(ips)
    domain = email.rpartition("@")[2].lower().rstrip(".")
    if domain.startswith("[") or is_address(domain):
        return "its domain is an address, not a name"
    if not is_name(domain):
        return "its domain is no name"
    hosts = names.exchangers(domain)
    if not hosts:
        return f"{domain} takes no mail"
    if len(hosts) > MOST_EXCHANGERS:
        return f"{domain} has more than {MOST_EXCHANGERS} mail hosts"
    for name in dict.fromkeys((*hosts, domain)):
        if points_back(names, name, servers):
            at = ", ".join(format_ip(ip) for ip in sorted(servers & set(names.addresses(name))))
            return f"it lies at the server itself: {name} is {at}"
    return ""
