"""Listening sockets of the lab: one for each door, on the loopback device only, without root."""

import contextlib
import errno
import resource
import socket

from survey.errors import SurveyError
from survey.model.address import format_ip

_BACKLOG = 128
_SPARE_DESCRIPTORS = 2000
_LOOPBACK_DEVICE = b"lo\0"


def bind_to_loopback(link: socket.socket) -> None:
    """Tie a socket to the loopback device, where the kernel lets everybody (Linux 5.7 and later).

    Elsewhere the address alone holds it there: 127.0.0.0/8 is routed to no other device.
    """
    with contextlib.suppress(PermissionError):
        link.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, _LOOPBACK_DEVICE)


def allow_descriptors(doors: int) -> None:
    """Raise this process's soft limit of open files to its hard limit.

    Raises:
        SurveyError: So many doors and their visitors don't fit.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard != resource.RLIM_INFINITY and doors + _SPARE_DESCRIPTORS > hard:
        raise SurveyError(
            f"the lab: {doors} doors need {doors + _SPARE_DESCRIPTORS} open files and the limit is "
            f"{hard}; ask for fewer answering addresses or raise `ulimit -Hn`"
        )


def listen(ip: int, port: int, backlog: int = _BACKLOG) -> socket.socket:
    """A listening socket, not blocking.

    Raises:
        SurveyError: The port is taken.
    """
    link = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        link.setblocking(False)
        bind_to_loopback(link)
        link.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        link.bind((format_ip(ip), port))
        link.listen(backlog)
    except OSError as error:
        link.close()
        if error.errno == errno.EADDRINUSE:
            raise SurveyError(
                f"the lab: {format_ip(ip)}:{port} is taken; stop the lab that runs already, or "
                "choose other ports or ranges"
            ) from error
        raise SurveyError(f"the lab: can't listen on {format_ip(ip)}:{port}: {error}") from error
    return link


def listen_silently(ip: int, port: int) -> socket.socket:
    """A socket that answers no SYN.

    Its queue has room for one connection, which we make ourselves and nobody ever takes: as long
    as it waits there, the kernel drops every further SYN.  (A packet filter that drops everything
    would be simpler, but recent kernels let only root put one on a TCP socket.)
    """
    link = listen(ip, port, backlog=0)
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as filler:
        filler.connect((format_ip(ip), port))
    return link
