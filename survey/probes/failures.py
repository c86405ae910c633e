"""The one place where what went wrong below us gets its name: the network's doing, or our own."""

import errno

from aiosmtplib import (
    SMTPException,
    SMTPResponseException,
    SMTPServerDisconnected,
    SMTPTimeoutError,
)

from survey.errors import LocalError
from survey.model.failure import Failure

_NETWORK = {
    errno.ECONNREFUSED: Failure.REFUSED,
    errno.ECONNRESET: Failure.RESET,
    errno.ECONNABORTED: Failure.RESET,
    errno.EPIPE: Failure.RESET,
    errno.ENETUNREACH: Failure.UNREACHABLE,
    errno.EHOSTUNREACH: Failure.UNREACHABLE,
    errno.EHOSTDOWN: Failure.UNREACHABLE,
    errno.ENONET: Failure.UNREACHABLE,
    # What Linux makes of ICMP "protocol unreachable" and "source route failed" (RFC 1122 s3.2.2.1).
    errno.ENOPROTOOPT: Failure.UNREACHABLE,
    errno.EOPNOTSUPP: Failure.UNREACHABLE,
    errno.ETIMEDOUT: Failure.STALLED,
}

# Passes when other conversations end.  EAGAIN and EADDRNOTAVAIL: no local port left.
_SHORTAGES = frozenset(
    {
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOBUFS,
        errno.ENOMEM,
        errno.EAGAIN,
        errno.EADDRINUSE,
        errno.EADDRNOTAVAIL,
    }
)


def is_shortage(error: OSError) -> bool:
    """Whether this machine lacks something that a pause may bring back; never a target's status."""
    return error.errno in _SHORTAGES


def failure_of(error: OSError, *, connecting: bool = False) -> Failure:
    """What the network did.

    Raises:
        LocalError: It was not the network's doing but our own machine's.
    """
    failure = _NETWORK.get(error.errno or 0)
    if failure is None:
        raise LocalError(
            f"this machine can't send ({error.strerror or error}); "
            "look at its firewall, source addresses and limits"
        ) from error
    if connecting and failure is Failure.STALLED:
        return Failure.CONNECT_TIMEOUT
    return failure


def failure_of_smtp(error: SMTPException) -> Failure:
    """What the peer did, as aiosmtplib tells it."""
    if isinstance(error, SMTPTimeoutError):
        return Failure.STALLED
    if isinstance(error, SMTPServerDisconnected):
        cause = error.__cause__
        return failure_of(cause) if isinstance(cause, OSError) else Failure.CLOSED
    if isinstance(error, SMTPResponseException) and error.message == "Response too long":
        return Failure.TOO_MUCH
    return Failure.GARBAGE
