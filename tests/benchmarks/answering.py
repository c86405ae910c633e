"""A far side as lean as can be: one epoll loop on one core, for every address of 127.0.0.0/8.

It says ``ready`` on stdout and ends when its stdin does.
"""

import contextlib
import os
import select
import socket
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Protocol

_RESET = struct.pack("ii", 1, 0)


class Guest(Protocol):
    """One connection."""

    sock: socket.socket

    def served(self) -> bool:
        """Hear and answer; False once it is over."""


def serve(port: int, core: int, welcome: Callable[[socket.socket], Guest]) -> None:
    """Until stdin ends."""
    os.sched_setaffinity(0, {core})
    door = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    door.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo")
    door.bind(("0.0.0.0", port))
    door.listen(4096)
    poller = select.epoll()
    poller.register(door, select.EPOLLIN)
    poller.register(sys.stdin, select.EPOLLIN)
    guests: dict[int, Guest] = {}
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        for descriptor, _ in poller.poll(1.0, 512):
            if descriptor == sys.stdin.fileno():
                return
            if descriptor == door.fileno():
                for sock in _arrived(door):
                    with contextlib.suppress(ConnectionError):  # gone already
                        guests[sock.fileno()] = welcome(sock)
                        poller.register(sock, select.EPOLLIN)
            elif not guests[descriptor].served():
                guests.pop(descriptor).sock.close()


def _arrived(door: socket.socket) -> Iterator[socket.socket]:
    with contextlib.suppress(BlockingIOError):
        while True:
            sock, _ = door.accept()
            sock.setblocking(False)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            yield sock


@contextlib.contextmanager
def answering(module: str, port: int, core: int) -> Iterator[None]:
    """A far side that runs meanwhile, in a process of its own."""
    command = [sys.executable, "-m", module, str(port), str(core)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        assert server.stdout.readline() == b"ready\n"
        yield
        server.communicate()
