"""CONNECT and every reply to it."""

from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from survey.model.address import parse_ip
from survey.model.failure import Failure
from survey.model.observation import MAX_EVIDENCE, Protocol, Step
from survey.model.plan import Endpoint
from survey.protocols.dialogue import Dialogue
from survey.protocols.http import MAX_HEAD, MAX_INTERIM, connect_request, http_connect
from survey.protocols.token import NONCE_CHARS, TOKEN_CHARS
from survey.protocols.tunnel import GOODBYE, answer, ask

CANARY = Endpoint(parse_ip("192.0.2.25"), 25)
TOKEN = "t" * TOKEN_CHARS
NONCE = "n" * NONCE_CHARS
AGENT = "secure-your-server (+https://survey.example; survey@survey.example)"
GREETING = b"220 canary.example ESMTP\r\n"
OK = b"HTTP/1.1 200 Connection established\r\n"


End = tuple[Step, Failure | None, Protocol | None]


def dialogue() -> Dialogue:
    """One CONNECT."""
    return http_connect(CANARY, AGENT, TOKEN)


def test_the_request_is_exact_and_says_who_asks() -> None:
    """Host and User-Agent, and nothing that a proxy would have to guess."""
    assert connect_request(CANARY, AGENT) == (
        b"CONNECT 192.0.2.25:25 HTTP/1.1\r\n"
        b"Host: 192.0.2.25:25\r\n"
        b"User-Agent: secure-your-server (+https://survey.example; survey@survey.example)\r\n"
        b"\r\n"
    )


@pytest.mark.parametrize(
    "head",
    [
        OK + b"\r\n",
        OK + b"Via: 1.1 proxy.example\r\nProxy-Agent: x\r\n\r\n",
        b"HTTP/1.0 200 OK\n\n",
        b"HTTP/1.0 200 OK\r\nX: y\n\r\n",
        b"HTTP/1.1 200\r\n\r\n",
        b"HTTP/1.1 299 Fine\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"\r\n",
        b"HTTP/1.1 102 Wait\r\nX: y\r\n\r\n" * MAX_INTERIM + OK + b"\r\n",
        OK + b"X: " + b"y" * 20000 + b"\r\n\r\n",
    ],
)
def test_a_tunnel_is_followed_however_its_reply_is_cut(
    play: Callable, cut: Callable, head: bytes
) -> None:
    """Status line, headers and the glued greeting, in pieces of any size."""
    result, said = play(dialogue(), cut(head + GREETING + answer(NONCE)))
    assert (result.step, result.failure, result.nonce) == (Step.ECHOED, None, NONCE)
    assert result.farewell == GOODBYE
    assert said == connect_request(CANARY, AGENT) + ask(TOKEN)
    assert result.reply == head[head.rfind(b"HTTP/") :][:MAX_EVIDENCE]


@pytest.mark.parametrize(
    ("head", "code"),
    [
        (b"HTTP/1.1 403 Forbidden\r\nServer: x\r\n\r\n<html>", 403),
        (b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n", 407),
        (b"HTTP/1.0 405 Method Not Allowed\r\n\r\n", 405),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", 101),
        (b"HTTP/1.1 302 Found\r\nLocation: http://portal.example/\r\n\r\n", 302),
        (b"HTTP/1.1 503 Unavailable\n\n", 503),
    ],
)
def test_a_refusal_is_an_answer(play: Callable, cut: Callable, head: bytes, code: int) -> None:
    """With its code and without a failure."""
    result, said = play(dialogue(), cut(head))
    assert (result.step, result.failure) == (Step.SPOKE, None)
    assert (result.refused_at, result.code) == ("CONNECT", code)
    assert said == connect_request(CANARY, AGENT)


def test_a_refusal_counts_even_if_its_head_never_ends(play: Callable, cut: Callable) -> None:
    """The code was said; how it ended is kept beside it."""
    result, _ = play(dialogue(), cut(b"HTTP/1.0 403 Forbidden\r\nServer: x"))
    assert (result.refused_at, result.code, result.failure) == ("CONNECT", 403, Failure.CLOSED)


@pytest.mark.parametrize(
    ("data", "end"),
    [
        (b"", (Step.CONNECTED, Failure.CLOSED, None)),
        (b"HTT", (Step.CONNECTED, Failure.CLOSED, None)),
        (b"HTTP/1.1 2", (Step.CONNECTED, Failure.CLOSED, Protocol.HTTP)),
        (b"HTTP/1.1 abc\r\n\r\n", (Step.CONNECTED, Failure.GARBAGE, Protocol.HTTP)),
        (b"HTTP/1.1 600 x\r\n\r\n", (Step.CONNECTED, Failure.GARBAGE, Protocol.HTTP)),
        (b"<html>hello</html>\r\n", (Step.CONNECTED, Failure.GARBAGE, Protocol.HTTP)),
        (b"\x05\xff", (Step.CONNECTED, Failure.WRONG_PROTOCOL, Protocol.SOCKS5)),
        (b"SSH-2.0-x\r\n", (Step.CONNECTED, Failure.WRONG_PROTOCOL, Protocol.SSH)),
        (b"\x00\x00\x00\r\n", (Step.CONNECTED, Failure.GARBAGE, None)),
        (OK + b"X: y", (Step.SPOKE, Failure.CLOSED, Protocol.HTTP)),
        (OK + b"X: " + b"y" * MAX_HEAD, (Step.SPOKE, Failure.TOO_MUCH, Protocol.HTTP)),
        (b"HTTP/1.1 100 x\r\n\r\n" * 9, (Step.SPOKE, None, Protocol.HTTP)),
        (OK + b"\r\n", (Step.ACCEPTED, Failure.CLOSED, Protocol.HTTP)),
        (OK + b"\r\n<html>Hi</html>", (Step.ACCEPTED, Failure.GARBAGE, Protocol.HTTP)),
        (OK + b"\r\n" + GREETING, (Step.SENT, Failure.CLOSED, Protocol.HTTP)),
        (OK + b"\r\n" + GREETING + ask(TOKEN), (Step.SENT, Failure.GARBAGE, Protocol.HTTP)),
    ],
)
def test_every_other_end_has_its_name(play: Callable, cut: Callable, data: bytes, end: End) -> None:
    """How far it got, and why no farther, however the bytes were cut."""
    result, _ = play(dialogue(), cut(data))
    assert (result.step, result.failure, result.protocol) == end


@pytest.mark.parametrize("why", [Failure.RESET, Failure.STALLED, Failure.ABORTED])
@pytest.mark.parametrize("size", range(0, 60, 7))
def test_a_cut_at_any_byte_keeps_its_reason(play: Callable, size: int, why: Failure) -> None:
    """What came until then decides the step."""
    result, _ = play(dialogue(), [(OK + b"\r\n" + GREETING)[:size] or why, why])
    assert result.failure is why


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    """Data cut at these places."""
    places = sorted({0, *(at % (len(data) + 1) for at in cuts), len(data)})
    return [data[a:b] for a, b in pairwise(places)]


@given(
    data=st.one_of(
        st.binary(max_size=300),
        st.builds(lambda data: OK + b"\r\n" + data, st.binary(max_size=100)),
        st.builds(lambda data: b"HTTP/1.1 " + data, st.binary(max_size=100)),
        st.builds(lambda data: OK + b"\r\n" + GREETING + data, st.binary(max_size=100)),
    ),
    cuts=st.lists(st.integers(0, 400), max_size=8),
)
def test_no_bytes_raise_or_gain_a_step(play: Callable, data: bytes, cuts: list[int]) -> None:
    """A stranger's bytes never reach ECHOED, and the answer does not depend on their cuts."""
    whole, _ = play(dialogue(), [data] if data else [])
    cut, _ = play(dialogue(), pieces(data, cuts))
    assert whole.step is not Step.ECHOED
    assert (whole.step, whole.failure, whole.protocol) == (cut.step, cut.failure, cut.protocol)
