"""Every probe against peers that turn nasty at each turn of an open server's conversation."""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace

import pytest
from player import Player
from recordings import Recording, recordings

from survey.model.address import parse_ip
from survey.model.failure import Failure
from survey.model.observation import MAX_EVIDENCE, Observation, Step
from survey.model.probe import Probe
from survey.probes.allowance import MOST_TIMES
from survey.probes.context import Context
from survey.probes.dialer import Dialer
from survey.probes.evidence import MAX_BYTES
from survey.probes.messages import Messages
from survey.probes.registry import PROBES
from survey.targets.gate import Gate

LOOPBACK = parse_ip("127.0.0.1")
PIECE = 65_536
"""Bytes that a loop may hand over at once, so that may come beyond a limit."""

HANGS = 60.0
"""Seconds after which a test is surely hanging, on any machine."""

OPEN = {
    Probe.SMTP_RELAY: "lab-open-relay",
    Probe.HTTP_CONNECT: "lab-connect-open",
    Probe.HTTP_GET: "lab-forward-open",
    Probe.HTTP_POST: "lab-forward-open",
    Probe.SOCKS4: "lab-socks-open",
    Probe.SOCKS4A: "lab-socks-open",
    Probe.SOCKS5: "lab-socks-open",
    Probe.TELNET: "lab-telnet-wingate",
}
MEGABYTE = 1 << 20

Nasty = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def drips(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One byte at a time, for ever."""
    while not writer.is_closing():
        writer.write(b"2")
        await asyncio.sleep(0.02)


async def floods(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Lines without end."""
    while not writer.is_closing():
        writer.write(b"250 2.0.0 more\r\n" * 500)
        await writer.drain()


async def closes_its_half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Says no more, and listens."""
    writer.write_eof()
    await reader.read()


async def hangs_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """With half a line."""
    writer.write(b"25")
    await writer.drain()
    writer.close()


async def resets(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """At once."""
    sock = writer.transport.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def falls_silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    """Listens, and says nothing."""
    await reader.read(MEGABYTE)
    await asyncio.sleep(HANGS)


def says(words: bytes) -> Nasty:
    """Says something odd instead, and then nothing."""

    async def nasty(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(words)
        with suppress(OSError):
            await writer.drain()
        await falls_silent(reader, writer)

    return nasty


NASTY: dict[str, Nasty] = {
    "drips": drips,
    "floods": floods,
    "closes its half": closes_its_half,
    "hangs up": hangs_up,
    "resets": resets,
    "falls silent": falls_silent,
    "NUL": says(b"\0" * 700 + b"\r\n"),
    "8 bits": says(bytes(range(256)) * 3 + b"\r\n"),
    "a long line": says(b"2" * MEGABYTE + b"\r\n"),
    "a line without end": says(b"HTTP/1.1 200 " + b"x" * MEGABYTE),
    "a reply without end": says(b"250-more\r\n" * (MEGABYTE // 10)),
}


class TurnsNasty(Player):
    """Plays an open server's first connection as far as some turn, then turns nasty."""

    def __init__(self, recording: Recording, turn: int, nasty: Nasty) -> None:
        first = recording.talks[0]
        cut = replace(first, turns=first.turns[:turn], closed=True)
        super().__init__((cut,))
        self._says_what_next = first.turns[turn].said if turn < len(first.turns) else b""
        self._nasty = nasty

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        await super().__call__(reader, writer)
        if self._says_what_next:
            await reader.read(65_536)
        await self._nasty(reader, writer)


def turns_of(probe: Probe) -> tuple[Recording, int]:
    """What is played to a probe, and in how many turns."""
    (recording,) = (one for one in recordings(probe) if one.situation == OPEN[probe])
    return recording, len(recording.talks[0].turns)


class Charges:
    """A pacer that admits all and counts what is paid before and what behind."""

    def __init__(self) -> None:
        self.before = self.behind = 0

    async def admit(self, ip: int, packets: int) -> None:  # noqa: ARG002 - the pacer's shape
        """Before a connection."""
        self.before += packets

    async def pay(self, packets: int) -> None:
        """For what an honest peer may want."""
        self.before += packets

    def charge(self, packets: int) -> None:
        """What a peer makes us send beyond it."""
        self.behind += packets

    def begun(self) -> None:
        """A connection."""

    def left(self, packets: int) -> None:
        """Paid before."""

    def ended(self) -> None:
        """A connection."""


class OwnNames:
    """Every name belongs to every address."""

    async def points_to(self, name: bytes, ip: int) -> bool:
        """Yes."""
        del name, ip
        return True


@pytest.mark.parametrize("probe", list(Probe))
async def test_a_peer_may_turn_nasty_at_any_turn(
    probe: Probe, serve: Callable, context: Context, gate: Gate
) -> None:
    """Rows come of it, bounded in bytes, packets and waiting; and no proof."""
    recording, turns = turns_of(probe)
    hasty = replace(
        context.timeouts, greeting=0.2, command=0.2, message=0.2, relay=0.5, reply=0.2, tunnel=0.5
    )

    async def meet(turn: int, kind: str) -> None:
        player, charges = TurnsNasty(recording, turn, NASTY[kind]), Charges()
        dialer = Dialer(gate, charges)
        mine = replace(
            context, dialer=dialer, names=OwnNames(), messages=Messages(), timeouts=hasty
        )
        port = await serve(player)
        async with asyncio.timeout(HANGS):
            rows = await PROBES[probe].run(LOOPBACK, port, mine)
        dialer.close()
        check(rows, f"{kind} at turn {turn}")
        assert dialer.running == 0
        assert charges.before + charges.behind <= MOST_TIMES * charges.before
        assert player.messages <= 1

    await asyncio.gather(*(meet(turn, kind) for turn in range(turns + 1) for kind in NASTY))


def check(rows: tuple[Observation, ...], what: str) -> None:
    """What holds whatever a peer does."""
    assert rows, what
    for row in rows:
        assert row.step is not Step.NOTHING, what
        # where the turn is the last, the recorded nonce came through
        assert (row.step is Step.ECHOED) == bool(row.nonce), what
        assert row.failure or row.refused_at or row.nonce or row.step is Step.SENT, what
        assert row.failure is not Failure.ABORTED, what
        assert row.bytes_in <= MAX_BYTES + PIECE, what
        assert max(len(row.reply), len(row.received), len(row.sent)) <= MAX_EVIDENCE, what
    assert sum(row.step is Step.SENT for row in rows if row.probe.is_relay) <= 1, what
