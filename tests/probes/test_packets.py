"""What a probe costs on the wire, counted outside: never more than it was charged (law 5)."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from packet_counter import Counter, counting

from survey.lab.certificate import server_context
from survey.model.address import parse_ip
from survey.model.observation import Step
from survey.model.plan import ProbePlan
from survey.model.probe import Probe
from survey.probes.context import Context
from survey.probes.registry import PROBES
from survey.probes.tunnel import TLS_PACKETS

LOOPBACK = parse_ip("127.0.0.1")
GRANTS = {
    Probe.HTTP_CONNECT: b"HTTP/1.1 200 OK\r\n\r\n",
    Probe.HTTP_GET: b"HTTP/1.1 200 OK\r\n\r\n",
    Probe.HTTP_POST: b"HTTP/1.1 200 OK\r\n\r\n",
    Probe.SOCKS4: b"\x00\x5a" + bytes(6),
    Probe.SOCKS4A: b"\x00\x5a" + bytes(6),
    Probe.SOCKS5: b"\x05\x00\x00\x01" + bytes(6),
    Probe.TELNET: b"Connected\r\n",
}
INSIDE_TLS = [probe for probe in GRANTS if probe.is_http]


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
        if self.probe is Probe.TELNET:
            await self.say(writer, b"\xff\xfb\x01")
            await self.say(writer, b"WinGate>")
        await reader.read(1000)
        if self.probe is Probe.SOCKS5:
            await self.say(writer, b"\x05\x00")
            await reader.read(1000)
        await self.say(writer, GRANTS[self.probe])
        await self.say(writer, b"220 canary.example ESMTP\r\n")
        if self.probe in {Probe.HTTP_GET, Probe.HTTP_POST}:
            for _ in range(4):
                await self.say(writer, b"502 5.5.1 Not implemented\r\n")
        else:
            await reader.readline()
        await self.say(writer, b"250 2.0.0 " + b"n" * 32 + b"\r\n")
        await reader.readline()
        await self.say(writer, b"221 bye\r\n")


@pytest.mark.parametrize("pause", [0.0, 0.06], ids=["quick", "slow"])
@pytest.mark.parametrize(
    "way",
    [*((probe, "clear") for probe in GRANTS), *((probe, "tls") for probe in INSIDE_TLS)],
    ids="-".join,
)
async def test_a_whole_probe_sends_no_more_than_was_charged(
    way: tuple[Probe, str], pause: float, serve: Callable, counter: Counter, context: Context
) -> None:
    """Also when no acknowledgement can ride on a word of ours, and inside TLS."""
    probe, tls = way[0], way[1] == "tls"
    server = Slow(probe, pause)
    port = await serve(server, server_context() if tls else None)
    context = replace(
        context,
        timeouts=replace(context.timeouts, reply=5, tunnel=20),
        parts=(ProbePlan(probe, (), (port,) if tls else ()),),
    )
    rows = await PROBES[probe].run(LOOPBACK, port, context)
    assert {row.step for row in rows} == {Step.ECHOED}
    assert {row.tls for row in rows} == {tls}
    for _ in rows:
        await server.ended.acquire()
    sent = counter.sent_to(port)
    spare = 0 if tls or not probe.is_http else TLS_PACKETS * len(rows)
    assert 0 < sent <= PROBES[probe].packets - spare
