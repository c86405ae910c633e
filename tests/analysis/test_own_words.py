"""A finding shows what the server itself said, and never what our canary said behind it."""

from pathlib import Path

import pytest
from made_data import seen
from made_judgement import judged

from survey.model.observation import Step
from survey.model.probe import Probe

CANARY = b"220 canary.example ESMTP\r\n250 2.0.0 " + b"n" * 32 + b"\r\n"
GRANT = b"HTTP/1.1 200 OK\r\nVia: \xff \\ 'x'\r\n"


@pytest.mark.parametrize(
    ("probe", "received", "reply", "shown"),
    [
        (Probe.SMTP_RELAY, b"220 a\r\n250-b\r\n250 c\r\n", b"250 ok\r\n", b"220 a\r\n"),
        (
            Probe.SMTP_RELAY,
            b"220-a\r\n220-b\n220 c\r\n250 d\r\n",
            b"",
            b"220-a\r\n220-b\n220 c\r\n",
        ),
        (Probe.SMTP_RELAY, b"220-\xffa\r\n220-b", b"", b"220-\xffa\r\n220-b"),
        (Probe.SMTP_RELAY, b"", b"", b""),
        (Probe.HTTP_CONNECT, GRANT + b"\r\n" + CANARY, b"", GRANT.removesuffix(b"\r\n")),
        (Probe.HTTP_CONNECT, b"HTTP/1.0 200 OK\n\n" + CANARY, b"", b"HTTP/1.0 200 OK"),
        (Probe.HTTP_CONNECT, b"HTTP/1.0 403 No\r\nA: b", b"", b"HTTP/1.0 403 No\r\nA: b"),
        (Probe.HTTP_CONNECT, b"SSH-2.0-x\r\n", b"", b"SSH-2.0-x\r\n"),
        (Probe.HTTP_POST, CANARY, b"", b""),
        (Probe.HTTP_GET, GRANT + b"\r\n" + CANARY, b"", GRANT.removesuffix(b"\r\n")),
        (Probe.SOCKS5, b"\x05\x00\x05\x00" + CANARY, b"\x05\x00\0", b"\x05\x00\0"),
        (Probe.TELNET, b"WinGate>" + CANARY, b"WinGate>", b"WinGate>"),
    ],
)
def test_banner_ends_where_our_canary_begins(
    tmp_path: Path, probe: Probe, received: bytes, reply: bytes, shown: bytes
) -> None:
    """Neither its greeting nor the nonce is a word of the server's."""
    seen_once = seen(
        "192.0.2.1",
        probe,
        "V1" if probe.is_relay else "echo",
        step=Step.SPOKE,
        received=received,
        reply=reply,
    )

    (finding,) = judged(tmp_path, [seen_once])

    assert finding["banner"] == shown
