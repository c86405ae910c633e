"""Does a message's body hold a certain token, whatever mail servers did to its text on the way?

Only the token that belongs to the envelope recipient is looked for, so the search is a plain one:
no token of another message, and no guess, can match.
"""

import base64
import binascii
import re
from collections.abc import Iterator

_HEADER_END = re.compile(rb"^\r?\n", re.MULTILINE)
_BASE64_LINE = re.compile(rb"[A-Za-z0-9+/]{4,}={0,2}")
_BLANK = re.compile(rb"[\s>]+")


def readable(message: bytes) -> bytes:
    """Everything that the body says, in lower case: plain, unwrapped, unquoted and decoded.

    The header does not count: a server may keep it and throw the body away.
    """
    end = _HEADER_END.search(message)
    if end is None:
        return b""
    readings = [reading.lower() for reading in _readings(message[end.end() :])]
    # a NUL between them, so that no token is made of the end of one and the start of another
    return b"\0".join([*readings, *(_BLANK.sub(b"", reading) for reading in readings)])


def holds(readable_body: bytes, token: str) -> bool:
    """Whether a body, made ``readable``, holds the token."""
    return token.lower().encode("ascii") in readable_body


def _readings(body: bytes) -> Iterator[bytes]:
    """The text as it stands, and as quoted-printable and base64 (RFC 2045 s6) would have it."""
    yield body
    if b"=" in body:
        yield binascii.a2b_qp(body)
    yield from _base64_parts(body)


def _base64_parts(body: bytes) -> Iterator[bytes]:
    """What the body's base64 parts decode to; a part is a run of lines of its alphabet."""
    run = bytearray()
    for line in (*body.splitlines(), b""):
        text = line.strip()
        if _BASE64_LINE.fullmatch(text):
            run += text.rstrip(b"=")
        if run and (text.endswith(b"=") or not _BASE64_LINE.fullmatch(text)):
            if len(run) % 4 == 1:  # no encoder ends like this: cut off on its way
                del run[-1]
            yield base64.b64decode(run + b"=" * (-len(run) % 4))
            run.clear()
