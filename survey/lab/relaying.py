"""For whom the mail servers of the lab relay: one judge for each manner."""

import asyncio
from collections.abc import Callable

from survey.lab.place import Place
from survey.lab.software import RELAY_DENIAL, Software
from survey.model.address import format_ip

_GREYLIST_PAUSE = 2.0
_GREYLIST_SIZE = 4096

Judge = Callable[[Place, bytes, bytes], bytes]
"""The reply to a stranger's recipient, without its line end: (place, sender, recipient)."""

OK = b"250 2.1.5 Ok"


def everybody(place: Place, sender: bytes, recipient: bytes) -> bytes:  # noqa: ARG001
    """Relay for anybody."""
    return OK


def own_name_only(place: Place, sender: bytes, recipient: bytes) -> bytes:
    """Relay for senders at the server's own name."""
    return OK if _domain(sender) == _own(place) else rejected(place, sender, recipient)


def null_sender_only(place: Place, sender: bytes, recipient: bytes) -> bytes:
    """Relay for the null sender."""
    return rejected(place, sender, recipient) if sender else OK


def localhost_only(place: Place, sender: bytes, recipient: bytes) -> bytes:
    """Relay for senders at ``localhost``."""
    return OK if _domain(sender) == b"localhost" else rejected(place, sender, recipient)


def bare_sender_only(place: Place, sender: bytes, recipient: bytes) -> bytes:
    """Relay for senders without a domain, as if they were the server's own."""
    bare = bool(sender) and b"@" not in sender
    return OK if bare else rejected(place, sender, recipient)


def between_strangers(place: Place, sender: bytes, recipient: bytes) -> bytes:
    """Relay from one stranger's domain to another's, since neither can be made up."""
    domain = _domain(sender)
    made_up = domain in {b"", b"localhost", _own(place), _domain(recipient)}
    return rejected(place, sender, recipient) if made_up else OK


def deferred(place: Place, sender: bytes, recipient: bytes) -> bytes:  # noqa: ARG001
    """Refuse as stock Postfix does: a 4xx, but for good."""
    return b"454 4.7.1 <%b>: Relay access denied" % recipient


def rejected(place: Place, sender: bytes, recipient: bytes) -> bytes:  # noqa: ARG001
    """Refuse in the words of the server's software."""
    denial = RELAY_DENIAL.get(place.door.software, RELAY_DENIAL[Software.POSTFIX])
    return denial.replace(b"%b", recipient)


def greylisted(place: Place, sender: bytes, recipient: bytes) -> bytes:
    """Refuse a new triplet for now; refuse a known one for good."""
    now = asyncio.get_running_loop().time()
    triplet = b"%b\0%b" % (sender, recipient)
    if len(place.seen) >= _GREYLIST_SIZE:
        place.seen.clear()
    if now - place.seen.setdefault(triplet, now) < _GREYLIST_PAUSE:
        return (
            b"450 4.2.0 <%b>: Recipient address rejected: Greylisted, try again later" % recipient
        )
    return deferred(place, sender, recipient)


def is_own(place: Place, mailbox: bytes) -> bool:
    """Whether a mailbox is at the server's own name or address."""
    literal = f"[{format_ip(place.machine.ip)}]".encode()
    names = {_own(place), place.machine.calls_itself.encode(), literal}
    return _domain(mailbox) in names or mailbox.lower() == b"postmaster"


def onward(mailbox: bytes) -> bytes | None:
    """Where a mailbox of its own leads, for a server that reads further; None if nowhere."""
    local = mailbox.rpartition(b"@")[0].strip(b'"')
    for mark in (b"@", b"%"):
        user, found, domain = local.rpartition(mark)
        if found:
            return b"%b@%b" % (user, domain)
    domain, found, user = local.partition(b"!")
    return b"%b@%b" % (user, domain) if found else None


def _domain(mailbox: bytes) -> bytes:
    return mailbox.rpartition(b"@")[2].lower() if b"@" in mailbox else b""


def _own(place: Place) -> bytes:
    return place.machine.name.encode()
