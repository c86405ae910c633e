"""The far side of the relay benchmark: 127.73.0.0/16 are open relays, all others closed ones.

The relays take every message and pass none on.  Run as
``python -m tests.benchmarks.smtp_server PORT CORE``.
"""

import socket
import sys

from tests.benchmarks.answering import serve

_END = b"\r\n.\r\n"
_OK = b"250 2.0.0 Ok\r\n"
_ANSWERS = {
    b"EHLO": b"250-relay.example\r\n250-SIZE 10240000\r\n250 8BITMIME\r\n",
    b"HELO": b"250 relay.example\r\n",
    b"MAIL": _OK,
    b"RSET": _OK,
    b"NOOP": _OK,
    b"DATA": b"354 End with a dot\r\n",
    b"QUIT": b"221 2.0.0 Bye\r\n",
}
_REFUSAL = b"554 5.7.1 Relay access denied\r\n"
_UNKNOWN = b"502 5.5.2 What?\r\n"


class Guest:
    """One connection."""

    __slots__ = ("_heard", "_message", "_open", "sock")

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._open = sock.getsockname()[0].startswith("127.73.")
        self._heard, self._message = b"", False
        sock.send(b"220 relay.example ESMTP\r\n")

    def served(self) -> bool:
        """Hear and answer; False once it has gone."""
        try:
            heard = self.sock.recv(65_536)
            self._heard += heard
            while (word := self._word()) is not None:
                self.sock.send(word)
                if word.startswith(b"221"):
                    return False
        except ConnectionError:
            return False
        return bool(heard)

    def _word(self) -> bytes | None:
        """The answer to what was heard first, None if that is not whole."""
        part, end, rest = self._heard.partition(_END if self._message else b"\r\n")
        if not end:
            return None
        self._heard = rest
        if self._message:
            self._message = False
            return _OK
        verb = part[:4].upper()
        if verb == b"RCPT":
            return _OK if self._open else _REFUSAL
        self._message = verb == b"DATA"
        return _ANSWERS.get(verb, _UNKNOWN)


if __name__ == "__main__":
    serve(int(sys.argv[1]), int(sys.argv[2]), Guest)
