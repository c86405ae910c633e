"""The mark that ties what reaches our canary to the probe that caused it.

A token is stateless: it carries its claims and an HMAC over them, so that the canary verifies it
with the key alone and a worker that dies loses nothing.  It is 56 letters and digits, so it fits a
mailbox name (64 octets, RFC 5321 s4.5.3.1.1), a host label (63 octets, RFC 1035 s2.3.4) and a URL,
and it survives a change of case, since relays fold case.  Only the holder of the key makes one.
"""

import base64
import hashlib
import hmac
import re
import struct
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache

from survey.model.probe import PROBE_CODES, Probe

TOKEN_CHARS = 56
NONCE_CHARS = 32

# What a token carries instead of the variant's name.  Published: never reused, never renumbered.
VARIANT_CODES: dict[str, int] = {
    **{f"V{number}": number for number in range(24)},
    "C0": 32,
    "C1": 33,
    "C2": 34,
    "echo": 64,
    "mail": 65,
    "web": 66,
}

_PROBES = {code: probe for probe, code in PROBE_CODES.items()}
_VARIANTS = {code: variant for variant, code in VARIANT_CODES.items()}

_VERSION = 1
# version, run, ip, port, probe, variant, canary port, kind and tls, attempt: 19 bytes.
_CLAIMS = struct.Struct(">B6sIHBBHBB")
_MAC_BYTES = 16
_NONCE_BYTES = 20
_TLS = 0x80

_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
# Two letters at once: four times as fast as base64.b32encode, which showed in the SOCKS benchmark.
_PAIRS = tuple(high + low for high in _ALPHABET for low in _ALPHABET)
_CANDIDATE = re.compile(rb"(?<![A-Za-z0-9])[A-Za-z2-7]{%d}(?![A-Za-z0-9])" % TOKEN_CHARS)


class TokenKind(IntEnum):
    """Where a token belongs; in any other place it proves nothing.  Published, never renumbered."""

    RECIPIENT = 1
    """Mailbox of an envelope recipient (RCPT TO)."""
    MESSAGE = 2
    """In the body (and Message-ID) of the message to the RECIPIENT token with the same claims."""
    SENDER = 3
    """Mailbox of an envelope sender (MAIL FROM); bounces come to it."""
    HELO = 4
    """In a name that we call ourselves."""
    TUNNEL = 5
    """Spoken to the canary through a proxy."""


_KINDS = {int(kind): kind for kind in TokenKind}


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token says about the conversation that carried it.

    Attributes:
        run: Tag of campaign and run, 6 bytes, from ``run_tag``.
        ip: The tested address, as a number.
        port: The tested port.
        probe: Which test.
        variant: Which form of it, one of VARIANT_CODES.
        canary_port: The canary's port that was asked for, 0 for relays.
        tls: Whether the conversation ran over TLS.
        attempt: 0 for the first try of the run, at most 255.
        kind: Where the token belongs.
    """

    run: bytes
    ip: int
    port: int
    probe: Probe
    variant: str
    canary_port: int
    tls: bool
    attempt: int
    kind: TokenKind


@lru_cache(maxsize=64)
def run_tag(campaign: str, run: str) -> bytes:
    """The 6 bytes that stand for one run of one campaign in a token."""
    return hashlib.sha256(f"{campaign}\0{run}".encode()).digest()[:6]


def make_token(key: bytes, claims: Claims) -> str:
    """The token for these claims: 56 lower-case letters and digits."""
    packed = _CLAIMS.pack(
        _VERSION,
        claims.run,
        claims.ip,
        claims.port,
        PROBE_CODES[claims.probe],
        VARIANT_CODES[claims.variant],
        claims.canary_port,
        claims.kind | (_TLS if claims.tls else 0),
        claims.attempt,
    )
    return _base32(packed + _mac(key, packed))


def read_token(key: bytes, text: str | bytes) -> Claims | None:
    """The claims of a token in any case, or None if it was not made with this key."""
    raw = text.encode("ascii", "replace") if isinstance(text, str) else text
    if len(raw) != TOKEN_CHARS or not _CANDIDATE.fullmatch(raw):
        return None
    data = base64.b32decode(raw, casefold=True)
    packed = data[: _CLAIMS.size]
    if not hmac.compare_digest(data[_CLAIMS.size :], _mac(key, packed)):
        return None
    version, run, ip, port, probe, variant, canary_port, flags, attempt = _CLAIMS.unpack(packed)
    kind = _KINDS.get(flags & ~_TLS)
    if version != _VERSION or probe not in _PROBES or variant not in _VARIANTS or kind is None:
        return None  # made by a later version of ours
    return Claims(
        run=run,
        ip=ip,
        port=port,
        probe=_PROBES[probe],
        variant=_VARIANTS[variant],
        canary_port=canary_port,
        tls=bool(flags & _TLS),
        attempt=attempt,
        kind=kind,
    )


def find_token(
    key: bytes, data: bytes, limit: int = 16, kind: TokenKind | None = None
) -> tuple[str, Claims] | None:
    """The first token of ours in a stranger's bytes, in lower case, and its claims; else None.

    Looks at no more than ``limit`` candidates, since each costs an HMAC.  With ``kind``, tokens of
    other kinds are passed over.
    """
    for number, match in enumerate(_CANDIDATE.finditer(data)):
        if number >= limit:
            break
        claims = read_token(key, match[0])
        if claims is not None and (kind is None or claims.kind is kind):
            return match[0].decode("ascii").lower(), claims
    return None


def address_in(text: str) -> int:
    """The address that 56 letters and digits would carry if they are a token; nothing is verified.

    For erasing only: whoever has a right to be forgotten has it for a forged token, too.
    """
    return int(_CLAIMS.unpack_from(base64.b32decode(text, casefold=True))[2])


def make_nonce(key: bytes, token: str, connection: bytes) -> str:
    """What the canary answers to a token: 32 lower-case letters and digits.

    Args:
        key: The canary's key.
        token: The token as made (lower case).
        connection: Bytes drawn at random for this connection; they make the answer unpredictable
            to the tested server and useless for a replay.
    """
    digest = hmac.digest(key, b"survey nonce 1\0" + token.encode("ascii") + connection, "sha256")
    return _base32(digest[:_NONCE_BYTES])


def _mac(key: bytes, packed: bytes) -> bytes:
    return hmac.digest(key, b"survey token 1\0" + packed, "sha256")[:_MAC_BYTES]


def _base32(data: bytes) -> str:
    """RFC 4648 s6 in lower case, for lengths that need no padding."""
    assert len(data) % 5 == 0
    number = int.from_bytes(data, "big")
    return "".join([_PAIRS[number >> at & 1023] for at in range(len(data) * 8 - 10, -1, -10)])
