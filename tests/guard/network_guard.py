"""Refuse and note every attempt of a test to reach past the loopback device.

One audit hook sees what Python's own sockets are asked to do, before the kernel is.  Allowed are
127.0.0.0/8, ::1, Unix and netlink sockets, and 198.18.0.0/15 (RFC 2544) in a network namespace
that a test made itself.  A refusal raises, so that no packet leaves, and is noted in a file, so
that the test fails even if the code under test swallows the error.  Child processes running
Python are watched too: they find ``sitecustomize.py`` beside this file through PYTHONPATH.

What it can't see: programs that are not Python, libraries that open sockets in C (uvloop is
covered by ``uvloop_guard``, ZeroMQ is not), children started with ``-S``, ``-I`` or without our
environment, and the question to the resolver when ``connect()`` is given a name, which Python
asks before it tells us.  The namespace of ``tests/run.py`` holds for all of these.
"""

import os
import socket
import sys
import traceback
from pathlib import Path

import uvloop_guard

LOG = "SURVEY_GUARD_LOG"
"""Environment variable: the file that refusals are noted in."""

HOME = "SURVEY_GUARD_HOME"
"""Environment variable: the network namespace that the tests began in."""

LOOKUPS = frozenset({"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"})
_WATCHED = LOOKUPS | {"socket.connect", "socket.sendto", "socket.sendmsg", "socket.bind"}

_V4, _V6 = socket.AF_INET, socket.AF_INET6
_NO_NETWORK = {getattr(socket, name, None) for name in ("AF_UNIX", "AF_NETLINK")}
_PACKET = getattr(socket, "AF_PACKET", None)


class OutsideError(PermissionError):
    """A test tried to reach past the loopback device."""


def install(log: Path) -> None:
    """Watch this process, for good, and the Python processes that it starts; once is enough."""
    watched_already = LOG in os.environ and getattr(sys, "_survey_guard", False)
    os.environ[LOG] = str(log)
    os.environ.setdefault(HOME, _namespace())
    here = str(Path(__file__).parent)
    paths = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    if here not in paths:
        os.environ["PYTHONPATH"] = os.pathsep.join([here, *filter(None, paths)])
    if not watched_already:
        sys._survey_guard = True
        sys.addaudithook(_hook)
        uvloop_guard.install(check)


def check(event: str, host: object) -> None:
    """Refuse the event if it reaches for a host that is not on the loopback device.

    Args:
        event: Name of the audit event, ``socket.connect`` for instance.
        host: Address as text, or the name to look up.

    Raises:
        OutsideError: It does.
    """
    if isinstance(host, bytes):
        host = host.decode("latin-1")
    if event in LOOKUPS:
        allowed = _needs_no_resolver(host)
    else:
        allowed = is_loopback(host) or (_is_benchmark(host) and _away())
    if not allowed:
        _refuse(event, host)


def is_loopback(host: object) -> bool:
    """Whether a host given as text is a loopback address, or the name ``localhost``."""
    if not isinstance(host, str):
        return False
    packed = _packed(host)
    if packed is None:
        return host == "localhost"
    return packed[0] == 127 if len(packed) == 4 else packed == b"\0" * 15 + b"\1"


def _hook(event: str, arguments: tuple[object, ...]) -> None:
    if event not in _WATCHED:
        return
    if event in LOOKUPS:
        check(event, arguments[0])
        return
    sock, address = arguments
    family = getattr(sock, "family", None)
    # No address: sendto() or sendmsg() on a connected socket, whose connect() was seen.
    if address is None or family in _NO_NETWORK:
        return
    host = address[0] if isinstance(address, tuple) and address else address
    if family == _PACKET:
        if host != "lo" and not _away():
            _refuse(event, address)
    elif family not in (_V4, _V6):
        _refuse(event, address)
    elif not (event == "socket.bind" and host in ("", "0.0.0.0", "::") and _only_on_lo(sock)):
        check(event, host)


def _needs_no_resolver(host: object) -> bool:
    """Whether looking the host up asks nobody: a number, nothing, or ``localhost``."""
    if host is None or host in ("", "localhost"):
        return True
    return isinstance(host, str) and _packed(host) is not None


def _packed(host: str) -> bytes | None:
    for family in (_V4, _V6):
        try:
            return socket.inet_pton(family, host)
        except (OSError, ValueError):
            continue
    return None


def _is_benchmark(host: object) -> bool:
    """Whether it is in 198.18.0.0/15."""
    packed = _packed(host) if isinstance(host, str) else None
    return packed is not None and len(packed) == 4 and packed[:2] in (b"\xc6\x12", b"\xc6\x13")


def _only_on_lo(sock: object) -> bool:
    """Whether the kernel ties the socket to the loopback device, so that any address is local."""
    assert isinstance(sock, socket.socket)
    device = getattr(socket, "SO_BINDTODEVICE", 25)
    return sock.getsockopt(socket.SOL_SOCKET, device, 16).rstrip(b"\0") == b"lo"


def _away() -> bool:
    """Whether this thread is in another network namespace than the one the tests began in."""
    return _namespace() not in ("", os.environ.get(HOME, ""))


def _namespace() -> str:
    try:
        return str(Path("/proc/thread-self/ns/net").readlink())
    except OSError:
        return ""


def _refuse(event: str, what: object) -> None:
    stack = "".join(traceback.format_stack(limit=10)[:-2])
    note = f"{event} {what!r} in process {os.getpid()}\n{stack}\n"
    with Path(os.environ[LOG]).open("a", encoding="utf-8", errors="backslashreplace") as log:
        log.write(note)
    raise OutsideError(f"the guard of the tests refused {event} {what!r}")
