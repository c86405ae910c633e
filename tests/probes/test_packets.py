"""What a probe costs on the wire, counted outside: never more than it was charged (law 5)."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from survey.model.address import parse_ip
from survey.model.observation import Step
from survey.model.probe import Probe
from survey.probes.context import Context
from survey.probes.registry import PROBES

LOOPBACK = parse_ip("127.0.0.1")
IP, TCP = 0x0800, 6
REPLIES = {"EHLO": b"250-mail.example.com\r\n250 x\r\n", "RCPT": b"554 5.7.1 denied\r\n"}
GRANTS = {
    Probe.HTTP_CONNECT: b"HTTP/1.1 200 OK\r\n\r\n",
    Probe.SOCKS4: b"\x00\x5a" + bytes(6),
    Probe.SOCKS4A: b"\x00\x5a" + bytes(6),
    Probe.SOCKS5: b"\x05\x00\x00\x01" + bytes(6),
}


class Counter:
    """Counts the packets on the loopback device that go to one port."""

    def __init__(self, tap: socket.socket) -> None:
        self._tap = tap

    def sent_to(self, port: int) -> int:
        """How many since the last time."""
        count = 0
        with contextlib.suppress(BlockingIOError):
            while True:
                data = self._tap.recv(100)
                size = (data[0] & 15) * 4
                if data[9] == TCP:
                    count += struct.unpack_from(">H", data, size + 2)[0] == port
        return count


@pytest.fixture
def counter() -> Iterator[Counter]:
    """A tap on the loopback device; needs root."""
    try:
        tap = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK, 0)
    except PermissionError:
        pytest.skip("counting packets needs root")
    with tap:
        tap.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_000_000)
        tap.bind(("lo", IP))
        yield Counter(tap)


class Slow:
    """An honest server that takes its time, so that nothing of ours can ride on anything."""

    def __init__(self, probe: Probe, pause: float) -> None:
        self.probe = probe
        self.pause = pause
        self.ended = asyncio.Semaphore(0)

    async def say(self, writer: asyncio.StreamWriter, words: bytes) -> None:
        """After a while."""
        await asyncio.sleep(self.pause)
        writer.write(words)

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        try:
            await (self.mail if self.probe.is_relay else self.proxy)(reader, writer)
        finally:
            writer.close()
            await asyncio.sleep(0.05)
            self.ended.release()

    async def mail(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A closed mail server, whose every form is tried."""
        await self.say(writer, b"220 mail.example.com ESMTP\r\n")
        while line := await reader.readline():
            await self.say(writer, REPLIES.get(line[:4].decode(), b"250 ok\r\n"))
            if line.startswith(b"QUIT"):
                return

    async def proxy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """An open proxy with a canary behind it; grant and greeting in segments of their own."""
        await reader.read(1000)
        if self.probe is Probe.SOCKS5:
            await self.say(writer, b"\x05\x00")
            await reader.read(1000)
        await self.say(writer, GRANTS[self.probe])
        await self.say(writer, b"220 canary.example ESMTP\r\n")
        await reader.readline()
        await self.say(writer, b"250 2.0.0 " + b"n" * 32 + b"\r\n")
        await reader.readline()
        await self.say(writer, b"221 bye\r\n")


class OwnNames:
    """Every name belongs to every address."""

    async def points_to(self, name: bytes, ip: int) -> bool:
        """Yes."""
        del name, ip
        return True


@pytest.mark.parametrize("pause", [0.0, 0.06], ids=["quick", "slow"])
@pytest.mark.parametrize("probe", Probe)
async def test_a_whole_probe_sends_no_more_than_was_charged(
    probe: Probe, pause: float, serve: Callable, counter: Counter, context: Context
) -> None:
    """Also when no acknowledgement can ride on a word of ours."""
    server = Slow(probe, pause)
    port = await serve(server)
    context = replace(
        context,
        names=OwnNames(),
        timeouts=replace(context.timeouts, greeting=5, command=5, relay=20, reply=5, tunnel=20),
    )
    rows = await PROBES[probe].run(LOOPBACK, port, context)
    if not probe.is_relay:
        assert [row.step for row in rows] == [Step.ECHOED, Step.ECHOED]
        await server.ended.acquire()
    else:
        assert [row.code for row in rows] == [554] * 4
    await server.ended.acquire()
    sent = counter.sent_to(port)
    assert 0 < sent <= PROBES[probe].packets
