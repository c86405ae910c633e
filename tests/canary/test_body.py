"""Tokens in bodies."""

import base64
import quopri
from collections.abc import Callable

import pytest

from survey.canary.body import holds, readable

TOKEN = "afqwey3emvtmaaacaeabsaibaaaacacvyw57vi3vjasvsg5b6rxq5p6n"
HEADER = b"From: a@example.com\r\nSubject: x\r\n\r\n"
TEXT = b"This is a test.\r\n\r\nTest mark of this message:\r\n%b\r\n" % TOKEN.encode()


def _part(encoding: bytes, text: bytes) -> bytes:
    return (
        b"--b0\r\nContent-Transfer-Encoding: " + encoding + b"\r\n\r\n" + text + b"\r\n--b0--\r\n"
    )


def _quoted(text: bytes) -> bytes:
    """Every letter as =XX, in lines of 72."""
    raw = b"".join(b"=%02X" % byte for byte in text)
    return b"=\r\n".join(raw[at : at + 72] for at in range(0, len(raw), 72))


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text,
        bytes.upper,
        bytes.swapcase,
        lambda text: text.replace(b"\r\n", b"\n"),
        lambda text: b"> " + text.replace(b"\r\n", b"\r\n> "),
        lambda text: text.replace(TOKEN[:30].encode(), TOKEN[:30].encode() + b"\r\n "),
        lambda text: text.replace(TOKEN[:30].encode(), TOKEN[:30].encode() + b"=\r\n"),
        lambda text: quopri.encodestring(text.replace(b"is", b"\xc3\xad")),
        _quoted,
        base64.encodebytes,
        lambda text: base64.encodebytes(text).replace(b"\n", b"\r\n"),
        lambda text: _part(b"base64", base64.encodebytes(text)),
        lambda text: _part(b"base64", base64.b64encode(text)),
        lambda text: _part(b"base64", base64.encodebytes(text).rstrip(b"=\n")),
        lambda text: base64.encodebytes(b"x") + base64.encodebytes(text),
        lambda text: _part(b"quoted-printable", _quoted(text)),
        lambda text: b"<html><b>" + text + b"</b></html>",
        lambda text: b"\0\xff" + text + b"\xff\0",
        lambda text: text + b"\r\n-- \r\nThis message was checked.",
    ],
)
def test_token_survives_what_servers_do_to_text(change: Callable[[bytes], bytes]) -> None:
    """Encoded, wrapped, quoted or in capitals: it is the same message."""
    assert holds(readable(HEADER + change(TEXT)), TOKEN)


@pytest.mark.parametrize(
    "message",
    [
        b"",
        HEADER,
        HEADER + b"This is a test.\r\n",
        HEADER + TOKEN[:-1].encode(),
        HEADER + TOKEN[:28].encode() + b"\r\nand\r\n" + TOKEN[28:].encode(),
        HEADER + base64.encodebytes(TOKEN[:-1].encode()),
        b"Message-ID: <" + TOKEN.encode() + b"@example.com>\r\n\r\nempty\r\n",
        b"Message-ID: <" + TOKEN.encode() + b"@example.com>\r\n",
    ],
)
def test_less_than_the_token_in_the_body_is_not_enough(message: bytes) -> None:
    """A header that survived alone proves nothing, nor does half a token."""
    assert not holds(readable(message), TOKEN)


@pytest.mark.parametrize(
    "filler", [b"A", b"=", b"\n", b"\r\n", b"=\n", b"> ", b"\0", b"A\n", b"abcd=\n"]
)
def test_any_message_of_the_largest_size_is_read_to_its_end(filler: bytes) -> None:
    """No filler makes the search give up or run away."""
    message = HEADER + filler * (260_000 // len(filler)) + b"\r\n" + TOKEN.encode()

    assert holds(readable(message), TOKEN)
    assert not holds(readable(message[:-1]), TOKEN)
