"""What goes wrong below us gets one name, in one place."""

import errno
import os

import pytest
from aiosmtplib import (
    SMTPReadTimeoutError,
    SMTPResponseException,
    SMTPServerDisconnected,
)

from survey.errors import LocalError
from survey.model.failure import Failure
from survey.probes.failures import failure_of, failure_of_smtp, is_shortage

NETWORK = {
    errno.ECONNREFUSED: Failure.REFUSED,
    errno.ECONNRESET: Failure.RESET,
    errno.EPIPE: Failure.RESET,
    errno.EHOSTUNREACH: Failure.UNREACHABLE,
    errno.ENETUNREACH: Failure.UNREACHABLE,
    errno.ETIMEDOUT: Failure.STALLED,
}
SHORTAGES = [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL]
OURS = [errno.EPERM, errno.EACCES, errno.EINVAL, errno.EBADF, *SHORTAGES]


@pytest.mark.parametrize(("code", "failure"), NETWORK.items())
def test_what_the_network_does_is_a_failure(code: int, failure: Failure) -> None:
    """And never a shortage of ours."""
    error = OSError(code, os.strerror(code))
    assert failure_of(error) is failure
    assert not is_shortage(error)


def test_a_timeout_of_the_kernel_while_connecting_is_a_connect_timeout() -> None:
    """Later it is a stall."""
    error = OSError(errno.ETIMEDOUT, "timed out")
    assert failure_of(error, connecting=True) is Failure.CONNECT_TIMEOUT


@pytest.mark.parametrize("code", OURS)
def test_what_this_machine_does_is_raised(code: int) -> None:
    """It is nobody's status."""
    with pytest.raises(LocalError):
        failure_of(OSError(code, os.strerror(code)))


@pytest.mark.parametrize("code", SHORTAGES)
def test_shortages_are_known(code: int) -> None:
    """A pause may end them."""
    assert is_shortage(OSError(code, os.strerror(code)))


def test_an_error_without_a_number_is_ours() -> None:
    """It did not come from the kernel."""
    with pytest.raises(LocalError, match="odd"):
        failure_of(OSError("odd"))


def test_aiosmtplib_s_errors_are_named() -> None:
    """By what the peer did."""
    assert failure_of_smtp(SMTPReadTimeoutError("x")) is Failure.STALLED
    assert failure_of_smtp(SMTPServerDisconnected("x")) is Failure.CLOSED
    reset = SMTPServerDisconnected("x")
    reset.__cause__ = ConnectionResetError(errno.ECONNRESET, "reset")
    assert failure_of_smtp(reset) is Failure.RESET
    assert failure_of_smtp(SMTPResponseException(-1, "Response too long")) is Failure.TOO_MUCH
    assert failure_of_smtp(SMTPResponseException(-1, "Malformed")) is Failure.GARBAGE
