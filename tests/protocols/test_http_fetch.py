"""GET and POST through a proxy, and every reply to them."""

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
from survey.protocols.http_fetch import (
    MAX_BODY,
    get_request,
    http_get,
    http_post,
    post_request,
)
from survey.protocols.token import NONCE_CHARS, TOKEN_CHARS
from survey.protocols.tunnel import answer

CANARY = Endpoint(parse_ip("192.0.2.25"), 25)
TOKEN = "t" * TOKEN_CHARS
NONCE = "n" * NONCE_CHARS
AGENT = "secure-your-server (+https://survey.example; survey@survey.example)"
OK = b"HTTP/1.1 200 OK\r\n"
LENGTH = b"Content-Length: %d\r\n\r\n"
WORDS = b"220 canary.example ESMTP\r\n" + b"502 5.5.1 Not implemented\r\n" * 5
LINE = answer(NONCE)

Start = Callable[[Endpoint, str, str], Dialogue]
BOTH = pytest.mark.parametrize("start", [http_get, http_post])


def dialogue(start: Start) -> Dialogue:
    """One request."""
    return start(CANARY, AGENT, TOKEN)


def request(start: Start) -> bytes:
    """What it says."""
    return (get_request if start is http_get else post_request)(CANARY, AGENT, TOKEN)


def test_the_get_is_exact_and_its_path_is_the_token() -> None:
    """So no cache has it."""
    assert get_request(CANARY, AGENT, TOKEN) == (
        b"GET http://192.0.2.25:25/" + TOKEN.encode() + b" HTTP/1.1\r\nHost: 192.0.2.25:25\r\n"
        b"User-Agent: secure-your-server (+https://survey.example; survey@survey.example)\r\n"
        b"Connection: close\r\n\r\n"
    )


def test_the_post_is_exact_and_its_body_is_what_we_say_in_a_tunnel() -> None:
    """One line with the token, and a goodbye; the length fits."""
    body = b"NOOP " + TOKEN.encode() + b"\r\nQUIT\r\n"
    assert (
        post_request(CANARY, AGENT, TOKEN)
        == (
            b"POST http://192.0.2.25:25/ HTTP/1.0\r\nHost: 192.0.2.25:25\r\n"
            b"User-Agent: secure-your-server (+https://survey.example; survey@survey.example)\r\n"
            b"Content-Type: text/plain\r\nContent-Length: %d\r\n\r\n" % len(body)
        )
        + body
    )


@BOTH
@pytest.mark.parametrize(
    "reply",
    [
        OK + LENGTH % len(LINE) + LINE,
        OK + b"\r\n" + LINE,
        OK + b"Via: 1.1 proxy.example\r\n\r\n" + WORDS + LINE + b"221 2.0.0 Bye\r\n",
        b"HTTP/1.0 200 Gatewaying\nX-Transformed-From: HTTP/0.9\n\n" + WORDS + LINE,
        b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"\r\n" + LINE,
        OK + b"Transfer-Encoding: chunked\r\n\r\n2c\r\n" + LINE + b"\r\n0\r\n\r\n",
        OK + b"\r\n<!-- advertisement --><pre>" + LINE + b"</pre>",
        OK + b"\r\n" + LINE.replace(b"\r", b""),
    ],
)
def test_the_nonce_is_found_however_the_answer_is_wrapped_and_cut(
    play: Callable, cut: Callable, start: Start, reply: bytes
) -> None:
    """With a length or without, behind the far end's other words, in pieces of any size."""
    result, said = play(dialogue(start), cut(reply))
    assert (result.step, result.failure, result.nonce) == (Step.ECHOED, None, NONCE)
    assert (result.protocol, result.code) == (Protocol.HTTP, 200)
    assert result.farewell == b""
    assert said == request(start)


def test_bare_words_of_the_far_end_are_an_answer_to_a_post(play: Callable, cut: Callable) -> None:
    """A proxy that adds no head (HTTP/0.9)."""
    result, _ = play(dialogue(http_post), cut(WORDS + LINE))
    assert (result.step, result.nonce, result.protocol) == (Step.ECHOED, NONCE, Protocol.HTTP)
    assert result.reply == b""  # it said nothing of its own


@BOTH
@pytest.mark.parametrize("code", [302, 400, 403, 404, 405, 407, 411, 500, 502, 503])
def test_a_refusal_is_an_answer(play: Callable, cut: Callable, start: Start, code: int) -> None:
    """With its code and without a failure; its page is not waited for."""
    result, said = play(dialogue(start), cut(b"HTTP/1.1 %d x\r\nServer: y\r\n\r\n<html>" % code))
    method = "GET" if start is http_get else "POST"
    assert (result.step, result.failure) == (Step.SPOKE, None)
    assert (result.refused_at, result.code) == (method, code)
    assert said == request(start)


@BOTH
@pytest.mark.parametrize(
    ("reply", "failure"),
    [
        (OK + LENGTH % 5 + b"hello", Failure.GARBAGE),
        (OK + LENGTH % 0, Failure.GARBAGE),
        (OK + LENGTH % 5 + b"hello" + LINE, Failure.GARBAGE),
        (OK + b"\r\n<html>Welcome</html>", Failure.GARBAGE),
        (OK + b"\r\n" + b"x" * (MAX_BODY + 100), Failure.GARBAGE),
        (OK + b"\r\n" + b"x" * MAX_BODY + LINE, Failure.GARBAGE),
        (OK + b"\r\nNOOP " + TOKEN.encode() + b"\r\n", Failure.GARBAGE),
        (OK + b"\r\n250 2.0.0 " + b"n" * 33 + b"\r\n", Failure.GARBAGE),
        (OK + b"\r\n", Failure.CLOSED),
        (OK + LENGTH % 100 + b"short", Failure.CLOSED),
        (OK + b"X: y", Failure.CLOSED),
    ],
)
def test_another_answer_is_told_from_one_that_was_cut_off(
    play: Callable, cut: Callable, start: Start, reply: bytes, failure: Failure
) -> None:
    """A page, an echo of our request, a nonce too long; or no end."""
    result, _ = play(dialogue(start), cut(reply))
    assert (result.step, result.failure, result.refused_at) == (Step.SPOKE, failure, None)
    assert (result.nonce, result.code) == ("", 200)


@BOTH
@pytest.mark.parametrize(
    ("data", "end"),
    [
        (b"", (Failure.CLOSED, None)),
        (b"HTTP/1.1 2", (Failure.CLOSED, Protocol.HTTP)),
        (b"\x05\xff", (Failure.WRONG_PROTOCOL, Protocol.SOCKS5)),
        (b"SSH-2.0-x\r\n", (Failure.WRONG_PROTOCOL, Protocol.SSH)),
        (b"220 mail.example ESMTP\r\n500 what?\r\n", (Failure.WRONG_PROTOCOL, Protocol.SMTP)),
        (b"\x15\x03\x01\x00\x02\x02\x0a", (Failure.WRONG_PROTOCOL, Protocol.TLS)),
        (b"\xff\xfb\x01", (Failure.WRONG_PROTOCOL, Protocol.TELNET)),
        (b"21 hello\r\n", (Failure.GARBAGE, None)),
        (b"<html>hello</html>\r\n", (Failure.GARBAGE, Protocol.HTTP)),
    ],
)
def test_what_is_no_http_is_named(
    play: Callable, cut: Callable, start: Start, data: bytes, end: tuple[Failure, Protocol | None]
) -> None:
    """The first answer in another protocol classifies the port."""
    result, _ = play(dialogue(start), cut(data))
    assert (result.step, result.failure, result.protocol) == (Step.CONNECTED, *end)


@BOTH
@pytest.mark.parametrize("why", [Failure.RESET, Failure.STALLED, Failure.ABORTED])
@pytest.mark.parametrize("size", range(0, 90, 7))
def test_a_cut_at_any_byte_keeps_its_reason(
    play: Callable, start: Start, size: int, why: Failure
) -> None:
    """What came until then decides the step."""
    result, _ = play(dialogue(start), [(OK + b"\r\n" + WORDS)[:size] or why, why])
    assert result.failure is why


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    """Data cut at these places."""
    places = sorted({0, *(at % (len(data) + 1) for at in cuts), len(data)})
    return [data[a:b] for a, b in pairwise(places)]


@given(
    start=st.sampled_from([http_get, http_post]),
    data=st.one_of(
        st.binary(max_size=300),
        st.builds(lambda data: b"220" + data, st.binary(max_size=100)),
        st.builds(lambda data: b"HTTP/1.1 " + data, st.binary(max_size=100)),
        st.builds(lambda data: OK + b"\r\n" + data, st.binary(max_size=100)),
        st.builds(
            lambda size, data: OK + LENGTH % size + data, st.integers(0, 60), st.binary(max_size=90)
        ),
    ),
    cuts=st.lists(st.integers(0, 400), max_size=8),
)
def test_no_bytes_raise_or_gain_a_step(
    play: Callable, start: Start, data: bytes, cuts: list[int]
) -> None:
    """A stranger's bytes never reach ECHOED, and the answer does not depend on their cuts."""
    whole, _ = play(dialogue(start), [data] if data else [])
    cut, _ = play(dialogue(start), pieces(data, cuts))
    assert whole.step is not Step.ECHOED
    assert (whole.step, whole.failure, whole.protocol) == (cut.step, cut.failure, cut.protocol)
