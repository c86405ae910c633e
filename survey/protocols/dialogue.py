"""What a dialogue is: a generator that says bytes, hears bytes, and returns an answer.

The driver runs it: ``hello = next(dialogue)``, writes ``hello``, then ``dialogue.send(chunk)``
with whatever arrived, in pieces of any size, and writes what that yields.  ``b""`` yielded means
"nothing to say, go on listening".  ``b""`` sent in means that the peer closed its side.  A
``Failure`` sent in means that nothing more will come (reset, deadline, too many bytes, abort); the
dialogue must then return.  The same generator runs over a list of bytes in a test and over a
socket in a scan.
"""

from collections.abc import Generator
from dataclasses import dataclass, field

from survey.model.failure import Failure
from survey.model.observation import Protocol, Step

Heard = bytes | Failure
"""What the driver sends in: a chunk, ``b""`` for end of file, or why nothing more will come."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a dialogue found out; the fields are those of ``model.observation.Observation``."""

    step: Step
    failure: Failure | None = None
    protocol: Protocol | None = None
    refused_at: str | None = None
    code: int | None = None
    reply: bytes = b""
    nonce: str = ""
    farewell: bytes = b""
    """Said on the way out; nobody waits for what it brings."""


Dialogue = Generator[bytes, Heard, Answer]


@dataclass(slots=True)
class Inbox:
    """What has arrived and is not used yet; lets a dialogue wait for exactly what it needs."""

    data: bytes = b""
    ended: Failure | None = field(default=None)

    def until(self, size: int, say: bytes = b"") -> Generator[bytes, Heard, bool]:
        """Say something, then wait until ``size`` bytes are there; False if they never will be.

        After False, ``ended`` says why (CLOSED for an end of file) and ``data`` is what came.
        Nothing is said any more to a peer that has ended.
        """
        if say and self.ended is None:
            self._take((yield say))
        while len(self.data) < size and self.ended is None:
            self._take((yield b""))
        return len(self.data) >= size

    def line(
        self, limit: int, say: bytes = b"", starting: bytes = b""
    ) -> Generator[bytes, Heard, bytes | None]:
        r"""Say something, then wait for a line; it comes without its end (``\r\n`` or ``\n``).

        None if it never gets complete, if it is longer than ``limit`` (then ``ended`` is TOO_MUCH),
        or as soon as it can't start with ``starting`` any more (then ``ended`` is GARBAGE): a peer
        of another protocol often sends two bytes and waits, so nobody waits for it.
        """
        if say and self.ended is None:
            self._take((yield say))
        size = len(starting)
        while self.data[:size] == starting[: len(self.data)]:
            end = self.data.find(b"\n", 0, limit + 1)
            if end >= size:
                line, self.data = self.data[:end], self.data[end + 1 :]
                return line.removesuffix(b"\r")
            if self.ended is None and len(self.data) > limit:
                self.ended = Failure.TOO_MUCH
            if self.ended is not None:
                return None
            self._take((yield b""))
        self.ended = Failure.GARBAGE
        return None

    def more(self) -> Generator[bytes, Heard, None]:
        """Wait for one more piece, or the end."""
        if self.ended is None:
            self._take((yield b""))

    def take(self, size: int) -> bytes:
        """Remove and return the first ``size`` bytes."""
        assert len(self.data) >= size
        taken, self.data = self.data[:size], self.data[size:]
        return taken

    def _take(self, heard: Heard) -> None:
        if isinstance(heard, Failure):
            self.ended = heard
        elif heard:
            self.data += heard
        else:
            self.ended = Failure.CLOSED
