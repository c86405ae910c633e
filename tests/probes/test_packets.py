"""What a probe costs on the wire, counted outside: never more than it was charged (law 5)."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from packet_counter import Counter, counting

from survey.model.address import parse_ip
from survey.model.observation import Step
from survey.model.probe import Probe
from survey.probes.context import Context
from survey.probes.registry import PROBES

LOOPBACK = parse_ip("127.0.0.1")
GRANTS = {
    Probe.HTTP_CONNECT: b"HTTP/1.1 200 OK\r\n\r\n",
    Probe.SOCKS4: b"\x00\x5a" + bytes(6),
    Probe.SOCKS4A: b"\x00\x5a" + bytes(6),
    Probe.SOCKS5: b"\x05\x00\x00\x01" + bytes(6),
}


@pytest.fixture
def counter() -> Iterator[Counter]:
    """A tap on the loopback device; needs root."""
    with counting() as tapped:
        yield tapped


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
            await self.proxy(reader, writer)
        finally:
            writer.close()
            await asyncio.sleep(0.05)
            self.ended.release()

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


@pytest.mark.parametrize("pause", [0.0, 0.06], ids=["quick", "slow"])
@pytest.mark.parametrize("probe", GRANTS)
async def test_a_whole_probe_sends_no_more_than_was_charged(
    probe: Probe, pause: float, serve: Callable, counter: Counter, context: Context
) -> None:
    """Also when no acknowledgement can ride on a word of ours."""
    server = Slow(probe, pause)
    port = await serve(server)
    context = replace(context, timeouts=replace(context.timeouts, reply=5, tunnel=20))
    rows = await PROBES[probe].run(LOOPBACK, port, context)
    assert [row.step for row in rows] == [Step.ECHOED, Step.ECHOED]
    await server.ended.acquire()
    await server.ended.acquire()
    sent = counter.sent_to(port)
    assert 0 < sent <= PROBES[probe].packets
