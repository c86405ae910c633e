"""What of a conversation's first bytes was the server's own."""

from dataclasses import replace

import pytest
from made_notice import make_server

from survey.model.probe import Probe

CANARY = b"220 canary.example ESMTP\r\n250 2.0.0 nonce\r\n"


@pytest.mark.parametrize(
    ("probe", "banner", "reply", "greeting"),
    [
        (Probe.SMTP_RELAY, b"220 a\r\n250-b\r\n250 c\r\n", b"250 ok\r\n", b"220 a\r\n"),
        (Probe.SMTP_RELAY, b"220-a\r\n220 b\r\n250 c\r\n", b"", b"220-a\r\n220 b\r\n"),
        (Probe.SMTP_RELAY, b"220-a\r\n220-b", b"", b"220-a\r\n220-b"),
        (Probe.SMTP_RELAY, b"", b"", b""),
        (
            Probe.HTTP_CONNECT,
            b"HTTP/1.1 200 OK\r\nVia: x\r\n\r\n" + CANARY,
            b"",
            b"HTTP/1.1 200 OK\r\nVia: x",
        ),
        (Probe.HTTP_CONNECT, b"HTTP/1.0 200 OK\n\n" + CANARY, b"", b"HTTP/1.0 200 OK"),
        (Probe.SOCKS5, b"\x05\x00\x05\x00" + CANARY, b"\x05\x00", b"\x05\x00"),
    ],
)
def test_greeting_ends_where_our_canary_begins(
    probe: Probe, banner: bytes, reply: bytes, greeting: bytes
) -> None:
    """Our own words, and the nonce in them, are never shown as the server's."""
    server = replace(make_server(probe), banner=banner, reply=reply)
    assert server.greeting == greeting
