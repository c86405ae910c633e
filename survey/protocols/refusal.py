"""Did a mail server refuse by itself, or may it have asked our own mail server first?

A server that asks about sender or recipient (a callout: Postfix's ``reject_unverified_recipient``,
Exim's ``verify = recipient/callout``) refuses, puts off or stalls while our canary is down.  It may
word that as it likes; what it can't have asked us about is whether it relays, and for whom.
"""

import re

# A host name or a mailbox may hold the word, so it must stand alone.
_RELAYING = re.compile(
    rb"(?<![a-z0-9.@_-])relay(?:ing|ed|s)?(?![a-z0-9@_-])(?!\.[^\s])", re.IGNORECASE
)
_FOR_OTHERS = frozenset({421, 521, 530, 534, 535, 538, 556})
"""Busy, no mail here (RFC 7504), or only for those who have authenticated (RFC 4954 s6)."""


def asked_nobody(code: int | None, reply: bytes) -> bool:
    """Whether a refusal of an envelope can't hang on our mail server."""
    return code is not None and (code in _FOR_OTHERS or _RELAYING.search(reply) is not None)
