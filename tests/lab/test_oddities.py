"""What is none of what was looked for, and ports that answer nothing at all."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import TYPE_CHECKING

import pytest

from survey.lab.personality import Personality
from survey.model.address import format_ip

if TYPE_CHECKING:
    from tests.lab.conftest import Lab, Street, Visit

P = Personality


async def test_mute_says_nothing_whatever_it_hears(visit: Visit) -> None:
    """It waits for the peer to go."""
    async with visit(P.MUTE) as client:
        client.say(b"EHLO a.example\r\n" * 10)
        client.writer.write_eof()

        assert await client.rest() == b""


async def test_closes_closes(visit: Visit) -> None:
    """Without a word."""
    async with visit(P.CLOSES) as client:
        assert await client.rest() == b""


async def test_resets_resets(visit: Visit) -> None:
    """An error, not an end."""
    with pytest.raises(ConnectionResetError):
        async with visit(P.RESETS) as client:
            await client.rest()


async def test_half_closes_goes_on_listening(visit: Visit) -> None:
    """Its end comes at once; what we say is still taken."""
    async with visit(P.HALF_CLOSES) as client:
        assert await client.rest() == b""
        client.say(b"still there?\r\n")
        await client.writer.drain()

        assert not client.writer.is_closing()


async def test_drip_never_gets_to_the_point(visit: Visit) -> None:
    """One byte at a time."""
    async with visit(P.DRIP) as client:
        assert await client.reader.read(100) == b"2"
        assert await client.reader.read(100) == b"2"


async def test_flood_goes_on_and_on(visit: Visit) -> None:
    """Megabytes, in no protocol; it stops when we go."""
    async with visit(P.FLOOD) as client:
        data = await client.exactly(4 << 20)

    assert len(data) == 4 << 20


async def test_garbage_is_of_no_protocol_and_the_same_every_time(visit: Visit) -> None:
    """High bytes, once something was said."""
    answers = set()
    for _ in range(2):
        async with visit(P.GARBAGE) as client:
            client.say(b"hello\r\n")
            answers.add(await client.exactly(73))

    [answer] = answers
    assert all(byte >= 0x80 for byte in answer)


async def test_echo_repeats_tokens_too(visit: Visit) -> None:
    """Every byte as it was sent."""
    async with visit(P.ECHO) as client:
        client.say(b"NOOP token\r\n")

        assert await client.line() == b"NOOP token\r\n"


@pytest.mark.parametrize(("personality", "banner"), [(P.SSH, b"SSH-2.0-"), (P.FTP, b"220 FTP")])
async def test_other_protocols_introduce_themselves(
    personality: Personality, banner: bytes, visit: Visit
) -> None:
    """The FTP server's greeting looks like mail's; its replies don't."""
    async with visit(personality) as client:
        assert (await client.line()).startswith(banner)
        client.say(b"EHLO a.example\r\n")

        assert not (await client.line()).startswith(b"250")


async def test_silent_answers_no_syn(street: Street, lab: Lab) -> None:
    """Neither the first nor the third; nothing refuses either."""
    assert lab
    machine = street.machines[P.SILENT]
    for _ in range(3):
        with socket.socket() as link:
            link.setblocking(False)
            waiting = asyncio.get_running_loop().sock_connect(
                link, (format_ip(machine.ip), machine.doors[0].port)
            )
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(waiting, 0.1)


async def test_everything_else_refuses(street: Street, lab: Lab) -> None:
    """Another address, another port."""
    assert lab
    machine = street.machines[P.MUTE]
    for target in ((format_ip(machine.ip + 200), 2525), (format_ip(machine.ip), 2526)):
        with contextlib.closing(socket.socket()) as link:
            assert link.connect_ex(target) == 111
