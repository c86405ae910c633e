"""The far side of the SOCKS5 benchmark: an open proxy and our canary in one.

It pretends to connect, and then speaks for the canary.  So what is measured is the checker.  Run as
``python -m tests.benchmarks.socks_server PORT CORE``.
"""

import os
import socket
import sys

from survey.protocols.token import make_nonce
from survey.protocols.tunnel import answer
from tests.benchmarks.answering import serve
from tests.benchmarks.probing import KEY

GREETING = b"220 canary.example ESMTP\r\n"
GRANTED = b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00"


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
    serve(int(sys.argv[1]), int(sys.argv[2]), Guest)
