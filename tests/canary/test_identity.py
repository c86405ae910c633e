"""The headers by which a proxy names itself or its client."""

from hypothesis import given
from hypothesis import strategies as st

from survey.canary.identity import MAX_HEADERS, identity_headers


def test_only_lines_that_name_a_proxy_or_its_client_are_kept() -> None:
    """As they came, without the rest of the request."""
    request = (
        b"GET /x HTTP/1.1\r\nHost: h\r\nVia: 1.1 proxy.example\r\nUser-Agent: us\r\n"
        b"x-forwarded-FOR: 192.0.2.7\r\n\r\nVia: in the body\r\n"
    )

    assert identity_headers(request) == b"Via: 1.1 proxy.example\nx-forwarded-FOR: 192.0.2.7\n"


@given(st.binary(max_size=5000))
def test_whatever_comes_is_bounded(request: bytes) -> None:
    """A stranger's bytes."""
    assert len(identity_headers(b"GET / HTTP/1.0\nVia: " + request)) <= MAX_HEADERS
    assert identity_headers(request.replace(b"\n", b"")) == b""
