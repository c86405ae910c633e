"""Who spoke to a tested server: our own dialogue, or somebody else's software."""

from enum import StrEnum


class Client(StrEnum):
    """What carried one conversation; a second opinion is best from a client that is not ours."""

    OURS = "ours"
    """Our own dialogue, as in every first try."""
    SAME_CLIENT = "same_client"
    """A second opinion by our own dialogue: no independent client can carry the same bytes."""
    PYTHON_SOCKS = "python_socks"
    """python-socks asks for the tunnel, aiosmtplib talks through it."""
    H11 = "h11"
    """h11 speaks HTTP to the proxy."""
    AIOSMTPLIB = "aiosmtplib"
    """aiosmtplib's own API writes the envelope and the message."""
