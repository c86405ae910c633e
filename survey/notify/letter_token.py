"""The mark by which what comes back is known to be about one letter; only its readers have it.

It stands in the envelope's sender (VERP), in the Message-ID and in the one-click address.  A bounce
that has it was made of our letter; one that only names the case may be anybody's invention.
"""

import hmac
import re
from hashlib import sha256

from survey.model.case import NUMBER
from survey.model.letter import LetterKind

_DIGITS = 20
"""Hex digits of the MAC: 80 bits, more than can be guessed over SMTP."""

_LETTERS = {
    LetterKind.FIRST_NOTICE: "f",
    LetterKind.REMINDER: "r",
    LetterKind.THANKS: "t",
    LetterKind.ESCALATION: "e",
}
_KINDS = {mark: kind for kind, mark in _LETTERS.items()}
_TOKEN = re.compile(rf"([0-9]{{4}})-([0-9]{{6,}})-([frte])-([0-9a-f]{{{_DIGITS}}})", re.IGNORECASE)
_BOUNCE = "bounce+"

LetterName = tuple[str, LetterKind]
"""Case number and kind: names a letter for ever."""


def letter_token(key: bytes, case: str, kind: LetterKind) -> str:
    """``2026-000123-f-0f1e...``: lower case, since mail servers may lower an address."""
    parts = NUMBER.fullmatch(case)
    assert parts, case
    name = f"{parts[1]}-{parts[2]}-{_LETTERS[kind]}"
    mac = hmac.digest(key, f"letter\x1f{name}".encode(), sha256).hex()[:_DIGITS]
    return f"{name}-{mac}"


def envelope_sender(key: bytes, case: str, kind: LetterKind, domain: str) -> str:
    """Where bounces of this letter come back to: ``bounce+<token>@domain``."""
    return f"{_BOUNCE}{letter_token(key, case, kind)}@{domain}"


def read_token(key: bytes, text: str) -> LetterName | None:
    """The letter whose true token stands in a text, or None; a forged one counts as none."""
    for found in _TOKEN.finditer(text):
        case, kind = f"OSYS-{found[1]}-{found[2]}", _KINDS[found[3].lower()]
        if hmac.compare_digest(found[0].lower(), letter_token(key, case, kind)):
            return case, kind
    return None
