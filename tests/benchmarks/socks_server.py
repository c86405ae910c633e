"""The far side of the SOCKS5 benchmark: an open proxy and our canary in one, as lean as can be.

It answers every address of 127.0.0.0/8 on its port, pretends to connect, and then speaks for the
canary.  So what is measured is the checker.  Run as ``python -m tests.benchmarks.socks_server PORT
CPU``; says ``ready`` on stdout, ends when its stdin does.
"""

import contextlib
import os
import select
import socket
import struct
import sys
from collections.abc import Iterator

from survey.protocols.token import make_nonce
from survey.protocols.tunnel import answer

KEY = bytes(32)
GREETING = b"220 canary.example ESMTP\r\n"
GRANTED = b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00"
RESET = struct.pack("ii", 1, 0)


def serve(port: int) -> None:
    """Until stdin ends."""
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
                for guest in _arrived(door):
                    guests[guest.sock.fileno()] = guest
                    poller.register(guest.sock, select.EPOLLIN)
            elif not guests[descriptor].served():
                guests.pop(descriptor).sock.close()


def _arrived(door: socket.socket) -> Iterator["Guest"]:
    with contextlib.suppress(BlockingIOError):
        while True:
            sock, _ = door.accept()
            sock.setblocking(False)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            yield Guest(sock)


class Guest:
    """One connection."""

    __slots__ = ("sock", "words")

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.words = iter((b"\x05\x00", GRANTED + GREETING))

    def served(self) -> bool:
        """Hear and answer; False once it has gone."""
        try:
            heard = self.sock.recv(4096)
        except ConnectionError:
            return False
        if not heard or heard.startswith(b"QUIT"):
            return False
        word = next(self.words, None)
        if word is None:
            token = heard.removeprefix(b"NOOP ").strip().decode("ascii")
            word = answer(make_nonce(KEY, token, os.urandom(16)))
        self.sock.send(word)
        return True


if __name__ == "__main__":
    os.sched_setaffinity(0, {int(sys.argv[2])})
    serve(int(sys.argv[1]))
