"""Each real server does what its situation says, heard with plain sockets and the standard library.

What the survey says of them is only worth something if this holds.
"""

import smtplib
import socket
import struct

import pytest
from daemons import Daemon
from places import CANARY, CANARY_ECHO, CANARY_SMTP, PROBER

pytestmark = pytest.mark.servers


@pytest.mark.parametrize(
    ("server", "sender", "expected"),
    [
        ("postfix/open", "a@prober.example", (250, b"2.1.5 Ok")),
        (
            "postfix/closed",
            "a@prober.example",
            (454, b"4.7.1 <b@canary.example>: Relay access denied"),
        ),
        (
            "postfix/closed",
            "a@postfix-closed.example",
            (454, b"4.7.1 <b@canary.example>: Relay access denied"),
        ),
        (
            "postfix/own_name",
            "a@prober.example",
            (554, b"5.7.1 <b@canary.example>: Relay access denied"),
        ),
        ("postfix/own_name", "a@postfix-own-name.example", (250, b"2.1.5 Ok")),
    ],
    indirect=["server"],
)
def test_mail_server(server: Daemon, sender: str, expected: tuple[int, bytes]) -> None:
    """A stranger's recipient is taken or refused as configured; its own postmaster always taken."""
    source = (PROBER, 0)
    with smtplib.SMTP(server.ip, server.port, "prober.example", source_address=source) as mail:
        mail.ehlo()
        mail.mail(sender)

        assert expected == mail.rcpt("b@canary.example")
        assert mail.rcpt(f"postmaster@{server.name}") == (250, b"2.1.5 Ok")


@pytest.mark.parametrize(
    ("server", "port", "expected"),
    [
        ("squid/open", CANARY_SMTP, b" 200 "),
        ("squid/denied", CANARY_ECHO, b" 403 "),
        ("squid/login", CANARY_ECHO, b" 407 "),
        ("tinyproxy/open", CANARY_SMTP, b" 200 "),
        ("tinyproxy/no_mail", CANARY_ECHO, b" 200 "),
        ("tinyproxy/no_mail", CANARY_SMTP, b" 403 "),
        ("tinyproxy/denied", CANARY_ECHO, b" 403 "),
    ],
    indirect=["server"],
)
def test_http_proxy(server: Daemon, port: int, expected: bytes) -> None:
    """CONNECT to our canary is granted or refused as configured."""
    reply = say(
        server, f"CONNECT {CANARY}:{port} HTTP/1.1\r\nHost: {CANARY}:{port}\r\n\r\n".encode()
    )

    assert expected in reply.partition(b"\r\n")[0]


@pytest.mark.parametrize(
    ("server", "port", "expected"),
    [
        ("dante/open", CANARY_SMTP, b"\x05\x00\x00\x01" + socket.inet_aton("127.0.24.101")),
        ("dante/no_mail", CANARY_ECHO, b"\x05\x00\x00\x01" + socket.inet_aton("127.0.24.102")),
        ("dante/no_mail", CANARY_SMTP, b"\x05\x02"),
        ("dante/login", CANARY_ECHO, b"\x05\xff"),
        ("microsocks/open", CANARY_SMTP, b"\x05\x00\x00\x01"),
    ],
    indirect=["server"],
)
def test_socks5_proxy(server: Daemon, port: int, expected: bytes) -> None:
    """CONNECT to our canary is granted from the exit address, or refused, as configured."""
    reply = say(server, b"\x05\x01\x00", socks5_connect(port))

    assert reply.startswith(expected)


@pytest.mark.parametrize(
    ("server", "port", "expected"),
    [
        ("dante/open", CANARY_SMTP, b"\x00\x5a"),
        ("dante/no_mail", CANARY_ECHO, b"\x00\x5a"),
        ("dante/no_mail", CANARY_SMTP, b"\x00\x5b"),
        ("dante/login", CANARY_ECHO, b"\x00\x5b"),
    ],
    indirect=["server"],
)
def test_socks4_proxy(server: Daemon, port: int, expected: bytes) -> None:
    """The same in SOCKS 4."""
    request = b"\x04\x01" + struct.pack(">H", port) + socket.inet_aton(CANARY) + b"\x00"

    assert say(server, request).startswith(expected)


def say(server: Daemon, *requests: bytes) -> bytes:
    """The last answer, from a stranger's address; a server that hangs up keeps its last word."""
    answer = b""
    with socket.create_connection(server_address(server), 30, (PROBER, 0)) as connection:
        for request in requests:
            connection.sendall(request)
            heard = connection.recv(4096)
            answer = heard or answer
            if answer == b"\x05\xff":
                break
    return answer


def server_address(server: Daemon) -> tuple[str, int]:
    """Where it listens."""
    return server.ip, server.port


def socks5_connect(port: int) -> bytes:
    """The CONNECT request to our canary."""
    return b"\x05\x01\x00\x01" + socket.inet_aton(CANARY) + struct.pack(">H", port)
