"""A library's end of a connection that stays ours: bytes, limits, and how it ends."""

import asyncio
import socket
from collections.abc import Callable

import pytest

from survey.model.address import parse_ip
from survey.model.failure import Failure
from survey.model.observation import MAX_EVIDENCE
from survey.probes.dialer import Dialer
from survey.probes.evidence import MAX_BYTES
from survey.probes.splice import Splice

LOOPBACK = parse_ip("127.0.0.1")


async def spliced(dialer: Dialer, port: int, total: float = 2.0, packets: int = 40) -> Splice:
    """A splice over a connection that the dialer opened."""
    sock = await dialer.connect(LOOPBACK, port, packets, 0.9)
    assert isinstance(sock, socket.socket)
    return Splice(sock, LOOPBACK, allowance=dialer.allowance(packets), total=total)


async def heard(near: socket.socket) -> bytes:
    """What the library hears next."""
    return await asyncio.get_running_loop().sock_recv(near, 65536)


async def say(near: socket.socket, data: bytes) -> None:
    """What the library says."""
    await asyncio.get_running_loop().sock_sendall(near, data)


async def test_bytes_pass_both_ways_and_are_evidence(dialer: Dialer, serve: Callable) -> None:
    """Exactly as they were, with the first of them kept."""

    async def repeat(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello\n" + await reader.readline())
        await reader.read()

    async with await spliced(dialer, await serve(repeat)) as splice:
        await say(splice.near, b"x" * 600 + b"\n")
        got = b""
        while len(got) < 607:
            got += await heard(splice.near)
    evidence = splice.evidence
    assert got == b"hello\n" + b"x" * 600 + b"\n"
    assert (evidence.bytes_out, evidence.bytes_in) == (601, 607)
    assert evidence.sent == b"x" * MAX_EVIDENCE
    assert evidence.source == LOOPBACK
    assert splice.failure is None


async def test_a_server_that_hangs_up_is_told_from_what_we_broke_off(
    dialer: Dialer, serve: Callable
) -> None:
    """The library hears the same end of file for both."""

    async def leave(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"bye")
        writer.close()

    async with await spliced(dialer, await serve(leave)) as splice:
        assert [await heard(splice.near), await heard(splice.near)] == [b"bye", b""]
        assert (splice.closed, splice.failure) == (True, None)


async def test_a_flood_ends_at_the_cap(dialer: Dialer, serve: Callable) -> None:
    """However much the library would take."""

    async def flood(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"x" * 65536)
            await writer.drain()

    async with await spliced(dialer, await serve(flood)) as splice:
        while await heard(splice.near):
            pass
        assert splice.failure is Failure.TOO_MUCH
    assert splice.evidence.bytes_in <= MAX_BYTES + 8192


@pytest.mark.parametrize(("total", "aborted"), [(0.1, False), (30.0, True)])
async def test_it_ends_with_its_time_or_with_an_abort(
    dialer: Dialer,
    serve: Callable,
    total: float,
    aborted: bool,  # noqa: FBT001 - a column
) -> None:
    """While the library waits for a word."""

    async def mute(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    splice = await spliced(dialer, await serve(mute), total)
    with dialer.running_one(splice):
        async with splice:
            if aborted:
                assert dialer.abort(lambda _: False) == 1
            assert await heard(splice.near) == b""
    assert splice.failure is (Failure.ABORTED if aborted else Failure.DEADLINE)


@pytest.mark.parametrize("kindly", [True, False])
async def test_last_words_arrive_before_a_kind_end(
    dialer: Dialer,
    serve: Callable,
    kindly: bool,  # noqa: FBT001 - a column
) -> None:
    """A stranger that proved nothing gets a reset, which is one packet."""
    ends: list[object] = []
    over = asyncio.Event()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 hello\r\n")
        try:
            ends.append(await reader.read(100))
            ends.append(await reader.read(100))
        except ConnectionResetError:
            ends.append("reset")
        over.set()

    async with await spliced(dialer, await serve(listen)) as splice:
        await heard(splice.near)
        if kindly:
            await say(splice.near, b"QUIT\r\n")
        splice.kindly = kindly
    async with asyncio.timeout(5):
        await over.wait()
    assert ends == ([b"QUIT\r\n", b""] if kindly else ["reset"])
