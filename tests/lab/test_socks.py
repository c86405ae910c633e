"""The SOCKS proxies of the lab behave as their names say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from survey.lab.personality import Personality
from survey.model.address import format_ip
from survey.model.probe import Probe

if TYPE_CHECKING:
    from tests.lab.conftest import FarEnd, Tunnel, Visit

P = Personality


def five(far_end: FarEnd) -> bytes:
    """CONNECT to the far end's echo port, SOCKS 5."""
    to = far_end.canary.echo
    return b"\x05\x01\x00\x01" + to.ip.to_bytes(4, "big") + to.port.to_bytes(2, "big")


def four(far_end: FarEnd) -> bytes:
    """CONNECT to the far end's echo port, SOCKS 4."""
    to = far_end.canary.echo
    return b"\x04\x01" + to.port.to_bytes(2, "big") + to.ip.to_bytes(4, "big") + b"me\0"


@pytest.mark.parametrize(
    ("personality", "code"),
    [
        (P.SOCKS_OPEN, 0),
        (P.SOCKS5_ONLY, 0),
        (P.SOCKS_DENIED, 2),
        (P.SOCKS_FAILS, 1),
        (P.SOCKS_GRANTS_CLOSE, 0),
        (P.SOCKS_GRANTS_SILENCE, 0),
    ],
)
async def test_five_gets_its_method_and_its_code(
    personality: Personality, code: int, visit: Visit, far_end: FarEnd
) -> None:
    """05 00, then 05 and the code."""
    async with visit(personality) as client:
        client.say(b"\x05\x01\x00")
        assert await client.exactly(2) == b"\x05\x00"
        client.say(five(far_end))

        assert (await client.exactly(10))[:2] == bytes([5, code])


@pytest.mark.parametrize(
    ("personality", "reply"),
    [
        (P.SOCKS_OPEN, b"\x00\x5a"),
        (P.SOCKS4_ONLY, b"\x00\x5a"),
        (P.SOCKS_AUTH, b"\x00\x5d"),
        (P.SOCKS_DENIED, b"\x00\x5b"),
        (P.SOCKS_FAILS, b"\x00\x5b"),
        (P.SOCKS5_ONLY, b"\x05\xff"),
        (P.SOCKS_NAMED, b""),
    ],
)
async def test_four_gets_its_code(
    personality: Personality, reply: bytes, visit: Visit, far_end: FarEnd
) -> None:
    """00 and the code; what speaks only five says 05 FF or nothing."""
    async with visit(personality) as client:
        client.say(four(far_end))

        assert (await client.exactly(8))[:2] == reply


@pytest.mark.parametrize("personality", [P.SOCKS4_ONLY, P.SOCKS4A_ONLY])
async def test_who_speaks_only_four_closes_on_five(personality: Personality, visit: Visit) -> None:
    """Without a word."""
    async with visit(personality) as client:
        client.say(b"\x05\x01\x00")

        assert await client.rest() == b""


@pytest.mark.parametrize("greeting", [b"\x05\x01\x00", b"\x05\x02\x00\x01"])
async def test_who_wants_a_user_name_offers_no_method(greeting: bytes, visit: Visit) -> None:
    """05 FF, and the end."""
    async with visit(P.SOCKS_AUTH) as client:
        client.say(greeting)

        assert await client.rest() == b"\x05\xff"


async def test_no_acceptable_method_is_said_so(visit: Visit) -> None:
    """A client that only offers a user name is turned away, also by an open proxy."""
    async with visit(P.SOCKS_OPEN) as client:
        client.say(b"\x05\x01\x02")

        assert await client.rest() == b"\x05\xff"


async def test_a_split_reply_comes_byte_by_byte(visit: Visit) -> None:
    """The first read gives one byte."""
    async with visit(P.SOCKS_SPLIT) as client:
        client.say(b"\x05\x01\x00")

        assert await client.reader.read(100) == b"\x05"


async def test_a_bound_address_may_be_a_name(visit: Visit, far_end: FarEnd) -> None:
    """Address type 3, and the far end's greeting right behind it."""
    async with visit(P.SOCKS_NAMED) as client:
        client.say(b"\x05\x01\x00")
        await client.exactly(2)
        client.say(five(far_end))
        head = await client.exactly(5)
        name = await client.exactly(head[4])
        await client.exactly(2)

        assert head[:4] == b"\x05\x00\x00\x03"
        assert name.endswith(b".es.example")
        assert (await client.line()).startswith(b"220 ")


@pytest.mark.parametrize("host", ["canary.example", "CANARY.example", "text"])
async def test_five_takes_the_canarys_name_or_address_as_text(
    host: str, visit: Visit, far_end: FarEnd
) -> None:
    """Names that the lab knows are the canary's; nothing is ever looked up."""
    to = far_end.canary.echo
    name = format_ip(to.ip).encode() if host == "text" else host.encode()
    async with visit(P.SOCKS_OPEN) as client:
        client.say(b"\x05\x01\x00")
        await client.exactly(2)
        client.say(b"\x05\x01\x00\x03" + bytes([len(name)]) + name + to.port.to_bytes(2, "big"))

        assert (await client.exactly(10))[:2] == b"\x05\x00"


@pytest.mark.parametrize(
    "request_",
    [
        b"\x05\x01\x00\x01\x7f\x00\x00\x01\x00\x16",
        b"\x05\x01\x00\x01\xc0\x00\x02\x01\x00\x19",
        b"\x05\x01\x00\x03\x0bexample.com\x00\x19",
    ],
)
async def test_an_open_proxy_reaches_nothing_but_the_canary(
    request_: bytes, visit: Visit, far_end: FarEnd
) -> None:
    """05 02 by rule, before any socket is made."""
    async with visit(P.SOCKS_OPEN) as client:
        client.say(b"\x05\x01\x00")
        await client.exactly(2)
        client.say(request_)

        assert (await client.rest())[:2] == b"\x05\x02"
    assert far_end.commands == []


@pytest.mark.parametrize("command", [b"\x05\x02\x00\x01", b"\x05\x03\x00\x01", b"\x05\x01\x00\x04"])
async def test_what_is_no_connect_to_ipv4_or_a_name_is_refused(
    command: bytes, visit: Visit
) -> None:
    """BIND, UDP and IPv6 lead nowhere."""
    async with visit(P.SOCKS_OPEN) as client:
        client.say(b"\x05\x01\x00")
        await client.exactly(2)
        client.say(command + bytes(18))

        assert (await client.rest())[1:2] != b"\x00"


async def test_a_grant_may_be_followed_by_silence(visit: Visit, far_end: FarEnd) -> None:
    """It connects to nothing, and says nothing to a token."""
    async with visit(P.SOCKS_GRANTS_SILENCE) as client:
        client.say(b"\x05\x01\x00")
        await client.exactly(2)
        client.say(five(far_end) + b"NOOP x\r\n")
        await client.exactly(10)
        client.writer.write_eof()

        assert await client.rest() == b""
    assert far_end.commands == []


@pytest.mark.parametrize("probe", [Probe.SOCKS4, Probe.SOCKS4A, Probe.SOCKS5])
async def test_a_fake_plays_the_canary(probe: Probe, tunnel: Tunnel, far_end: FarEnd) -> None:
    """In every version, with a made-up nonce."""
    assert await tunnel(P.SOCKS_FAKE, probe) == "a" * 32
    assert far_end.tunnels == []


async def test_a_proxy_says_so_when_the_canary_is_away(
    tunnel: Tunnel, visit: Visit, far_end: FarEnd
) -> None:
    """05 01 and 503; nobody waits."""
    await far_end.close()
    async with visit(P.SOCKS_OPEN) as client:
        client.say(b"\x05\x01\x00")
        await client.exactly(2)
        client.say(five(far_end))

        assert (await client.rest())[:2] == b"\x05\x01"
    assert await tunnel(P.CONNECT_OPEN, Probe.HTTP_CONNECT) == ""
