"""SOCKS4, 4a and 5, and every reply to them."""

from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from survey.model.address import parse_ip
from survey.model.failure import Failure
from survey.model.observation import Protocol, Step
from survey.model.plan import Endpoint
from survey.protocols.dialogue import Dialogue
from survey.protocols.socks import (
    SOCKS5_GREETING,
    grant_in,
    socks4,
    socks4_request,
    socks4a_request,
    socks5,
    socks5_request,
)
from survey.protocols.token import NONCE_CHARS, TOKEN_CHARS
from survey.protocols.tunnel import GOODBYE, answer, ask

CANARY = Endpoint(parse_ip("192.0.2.25"), 2525)
TOKEN = "t" * TOKEN_CHARS
NONCE = "n" * NONCE_CHARS
TALK = b"220 canary.example ESMTP\r\n" + answer(NONCE)

GRANT4 = b"\x00\x5a\x00\x00\x00\x00\x00\x00"
GRANTS5 = {
    "IPv4": b"\x05\x00\x00\x01\xc0\x00\x02\x09\x1f\x90",
    "IPv4, all zeroes": b"\x05\x00\x00\x01" + bytes(6),
    "IPv6": b"\x05\x00\x00\x04" + bytes(range(18)),
    "name": b"\x05\x00\x00\x03\x0dproxy.example\x1f\x90",
    "empty name": b"\x05\x00\x00\x03\x00\x1f\x90",
    "longest name": b"\x05\x00\x00\x03\xff" + b"x" * 255 + b"\x1f\x90",
    "reserved byte not zero": b"\x05\x00\x01\x01" + bytes(6),
}


End = tuple[Step, Failure | None, Protocol | None]


def four() -> Dialogue:
    """One SOCKS4 CONNECT."""
    return socks4(socks4_request(CANARY), TOKEN)


def five() -> Dialogue:
    """One SOCKS5 CONNECT."""
    return socks5(CANARY, TOKEN)


def test_requests_are_exact() -> None:
    """Byte for byte; 4a names our canary by its address, so that nobody asks a name server."""
    assert socks4_request(CANARY) == b"\x04\x01\x09\xdd\xc0\x00\x02\x19\x00"
    assert socks4a_request(CANARY) == b"\x04\x01\x09\xdd\x00\x00\x00\x01\x00192.0.2.25\x00"
    assert SOCKS5_GREETING == b"\x05\x01\x00"
    assert socks5_request(CANARY) == b"\x05\x01\x00\x01\xc0\x00\x02\x19\x09\xdd"


def test_a_socks4_tunnel_is_followed(play: Callable, cut: Callable) -> None:
    """However it is cut, the greeting glued or not."""
    result, said = play(four(), cut(GRANT4 + TALK))
    assert (result.step, result.failure, result.nonce) == (Step.ECHOED, None, NONCE)
    assert (result.protocol, result.code, result.reply) == (Protocol.SOCKS4, 0x5A, GRANT4)
    assert result.farewell == GOODBYE
    assert said == socks4_request(CANARY) + ask(TOKEN)


@pytest.mark.parametrize("grant", GRANTS5.values(), ids=GRANTS5)
def test_a_socks5_tunnel_is_followed(play: Callable, cut: Callable, grant: bytes) -> None:
    """Whatever bound address the proxy names, not a byte of the greeting is lost."""
    result, said = play(five(), [*cut(b"\x05\x00"), *cut(grant + TALK)])
    assert (result.step, result.failure, result.nonce) == (Step.ECHOED, None, NONCE)
    assert (result.protocol, result.code, result.reply) == (Protocol.SOCKS5, 0, grant)
    assert said == SOCKS5_GREETING + socks5_request(CANARY) + ask(TOKEN)


def test_nothing_is_said_before_its_turn() -> None:
    """A pipelined request hangs proxies that read once."""
    run = five()
    assert next(run) == SOCKS5_GREETING
    assert run.send(b"\x05") == b""
    assert run.send(b"\x00") == socks5_request(CANARY)
    assert run.send(GRANTS5["IPv4"]) == b""
    assert run.send(b"220 canary\r") == b""
    assert run.send(b"\n") == ask(TOKEN)


@pytest.mark.parametrize("code", [0x5B, 0x5C, 0x5D])
@pytest.mark.parametrize("rest", [b"", b"\x00" * 6])
def test_a_socks4_refusal_is_an_answer(
    play: Callable, cut: Callable, code: int, rest: bytes
) -> None:
    """Also when it is too short."""
    result, _ = play(four(), cut(bytes([0, code]) + rest))
    assert (result.step, result.failure) == (Step.SPOKE, None)
    assert (result.refused_at, result.code) == ("CONNECT", code)


@pytest.mark.parametrize("method", [0x02, 0xFF])
def test_a_demand_for_a_password_is_a_refusal(play: Callable, cut: Callable, method: int) -> None:
    """None is ever tried."""
    result, said = play(five(), cut(bytes([5, method])))
    assert (result.step, result.failure) == (Step.SPOKE, None)
    assert (result.refused_at, result.code) == ("METHOD", method)
    assert said == SOCKS5_GREETING


@pytest.mark.parametrize("code", [1, 2, 3, 4, 5, 6, 7, 8, 0x5B, 0xFF])
@pytest.mark.parametrize("rest", [b"", b"\x00", b"\x00\x01" + bytes(6)])
def test_a_socks5_refusal_is_an_answer(
    play: Callable, cut: Callable, code: int, rest: bytes
) -> None:
    """Some proxies send two or three bytes of it and wait."""
    result, _ = play(five(), cut(b"\x05\x00" + bytes([5, code]) + rest))
    assert (result.step, result.failure) == (Step.SPOKE, None)
    assert (result.refused_at, result.code) == ("CONNECT", code)


@pytest.mark.parametrize(
    ("data", "end"),
    [
        (b"", (Step.CONNECTED, Failure.CLOSED, None)),
        (b"\x00", (Step.CONNECTED, Failure.CLOSED, None)),
        (b"\x00\x00\r\n", (Step.CONNECTED, Failure.GARBAGE, None)),
        (b"\x04\x5a\x00\x00\x00\x00\x00\x00", (Step.CONNECTED, Failure.GARBAGE, None)),
        (b"\x05\xff", (Step.CONNECTED, Failure.WRONG_PROTOCOL, Protocol.SOCKS5)),
        (b"HTTP/1.1 400 x\r\n", (Step.CONNECTED, Failure.WRONG_PROTOCOL, Protocol.HTTP)),
        (GRANT4[:5], (Step.SPOKE, Failure.CLOSED, Protocol.SOCKS4)),
        (GRANT4, (Step.ACCEPTED, Failure.CLOSED, Protocol.SOCKS4)),
        (GRANT4 + b"x", (Step.ACCEPTED, Failure.GARBAGE, Protocol.SOCKS4)),
        (GRANT4 + b"220 x\r\n", (Step.SENT, Failure.CLOSED, Protocol.SOCKS4)),
    ],
)
def test_every_other_end_of_socks4_has_its_name(
    play: Callable, cut: Callable, data: bytes, end: End
) -> None:
    """How far it got, and why no farther, however the bytes were cut."""
    result, _ = play(four(), cut(data))
    assert (result.step, result.failure, result.protocol) == end


@pytest.mark.parametrize(
    ("data", "end"),
    [
        (b"", (Step.CONNECTED, Failure.CLOSED, None)),
        (b"\x05", (Step.CONNECTED, Failure.CLOSED, None)),
        (SOCKS5_GREETING, (Step.CONNECTED, Failure.GARBAGE, Protocol.SOCKS5)),
        (b"\x05\x50", (Step.CONNECTED, Failure.GARBAGE, None)),
        (b"\x00\x5b" + bytes(6), (Step.CONNECTED, Failure.WRONG_PROTOCOL, Protocol.SOCKS4)),
        (b"SSH-2.0-x\r\n", (Step.CONNECTED, Failure.WRONG_PROTOCOL, Protocol.SSH)),
        (b"\x05\x00", (Step.SPOKE, Failure.CLOSED, Protocol.SOCKS5)),
        (b"\x05\x00\x05", (Step.SPOKE, Failure.CLOSED, Protocol.SOCKS5)),
        (b"\x05\x00\x04\x00", (Step.SPOKE, Failure.GARBAGE, Protocol.SOCKS5)),
        (b"\x05\x00\x05\x00\x00", (Step.SPOKE, Failure.CLOSED, Protocol.SOCKS5)),
        (b"\x05\x00\x05\x00\x00\x02" + bytes(20), (Step.SPOKE, Failure.GARBAGE, Protocol.SOCKS5)),
        (b"\x05\x00\x05\x00\x00\x03", (Step.SPOKE, Failure.CLOSED, Protocol.SOCKS5)),
        (b"\x05\x00\x05\x00\x00\x04" + bytes(9), (Step.SPOKE, Failure.CLOSED, Protocol.SOCKS5)),
        (b"\x05\x00" + GRANTS5["IPv4"], (Step.ACCEPTED, Failure.CLOSED, Protocol.SOCKS5)),
        (
            b"\x05\x00" + GRANTS5["name"] + b"\x00",
            (Step.ACCEPTED, Failure.GARBAGE, Protocol.SOCKS5),
        ),
    ],
)
def test_every_other_end_of_socks5_has_its_name(
    play: Callable, cut: Callable, data: bytes, end: End
) -> None:
    """How far it got, and why no farther, however the bytes were cut."""
    result, _ = play(five(), cut(data))
    assert (result.step, result.failure, result.protocol) == end


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    """Data cut at these places."""
    places = sorted({0, *(at % (len(data) + 1) for at in cuts), len(data)})
    return [data[a:b] for a, b in pairwise(places)]


@given(
    make=st.sampled_from([four, five]),
    start=st.sampled_from([b"", GRANT4, b"\x05\x00", b"\x05\x00\x05\x00\x00\x03", b"\x00\x5a"]),
    rest=st.binary(max_size=300),
    cuts=st.lists(st.integers(0, 400), max_size=8),
)
def test_no_bytes_raise_or_gain_a_step(
    play: Callable, make: Callable[[], Dialogue], start: bytes, rest: bytes, cuts: list[int]
) -> None:
    """A stranger's bytes never reach ECHOED, and the answer does not depend on their cuts."""
    data = start + rest
    whole, _ = play(make(), [data] if data else [])
    cut, _ = play(make(), pieces(data, cuts))
    assert whole.step is not Step.ECHOED
    assert (whole.step, whole.failure, whole.protocol) == (cut.step, cut.failure, cut.protocol)


@pytest.mark.parametrize(
    ("protocol", "grant"),
    [
        (Protocol.SOCKS4, b"\x00\x5a" + bytes(6)),
        (Protocol.SOCKS5, b"\x05\x00\x00\x01" + bytes(6)),
        (Protocol.SOCKS5, b"\x05\x00\x00\x03\x04name\x00\x19"),
        (Protocol.SOCKS5, b"\x05\x00\x00\x04" + bytes(18)),
    ],
)
def test_a_grant_ends_where_the_far_end_begins(protocol: Protocol, grant: bytes) -> None:
    """Whatever kind of address is bound."""
    choice = b"" if protocol is Protocol.SOCKS4 else b"\x05\x00"
    assert grant_in(protocol, choice + grant + b"220 canary.example\r\n") == grant
    for cut in range(len(grant)):
        assert grant_in(protocol, choice + grant[:cut]) == grant[:cut]
