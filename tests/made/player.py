"""A server that plays recorded conversations, in turn, cut and changed as a test likes."""

import asyncio
from collections.abc import Callable, Sequence
from itertools import count

from recordings import Talk

Say = Callable[[int, int, bytes], list[bytes]]
"""Connection, turn and recorded words -> the pieces that are said instead."""


def whole(connection: int, turn: int, words: bytes) -> list[bytes]:  # noqa: ARG001 - Say's shape
    """As it was."""
    return [words]


class Player:
    """Says each turn once we have had ours.

    Attributes:
        heard: Everything that it was told, by connection.
    """

    def __init__(self, talks: Sequence[Talk], say: Say = whole) -> None:
        self._talks, self._say = talks, say
        self._numbers = count()
        self.heard: list[bytes] = []

    @property
    def messages(self) -> int:
        """Messages that it was sent."""
        return sum(heard.count(b"\r\n.\r\n") for heard in self.heard)

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection; those beyond the recorded ones are like the last."""
        number = next(self._numbers)
        self.heard.append(b"")
        talk = self._talks[min(number, len(self._talks) - 1)]
        words = b""
        for at, turn in enumerate(talk.turns):
            if turn.said and not await self._listen(reader, number, ended_by(turn.said, words)):
                return
            words = turn.heard
            for piece in self._say(number, at, words):
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0)
        if not talk.closed:
            while data := await reader.read(65536):
                self.heard[number] += data

    async def _listen(self, reader: asyncio.StreamReader, number: int, end: bytes) -> bool:
        """Hear somebody out; whether he has said all that he had to say."""
        start = len(self.heard[number])
        while not (said := self.heard[number][start:]) or not said.endswith(end):
            if not (data := await reader.read(65536)):
                return False
            self.heard[number] += data
        return True


def ended_by(said: bytes, before: bytes) -> bytes:
    """How what we say ends: a message by its dot, a line by its end, anything else by itself."""
    if before.startswith(b"354"):
        return b"\r\n.\r\n"
    return b"\r\n" if said.endswith(b"\r\n") else b""
