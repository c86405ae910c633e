"""Addresses that nobody can guess: the keyed mark of a case or of an own test; tokens.

Whoever has the address may see the page and do what stands on it.  It came to him by letter, so it
proves what a password would, and there is no cookie that somebody else's page could abuse.
"""

import base64
import hashlib
import hmac
import secrets

LENGTH = 26
"""Letters and digits of a mark: 130 bits' worth, of which 128 are the mark's."""


def case_mark(key: bytes, number: str) -> str:
    """The mark of a case's page."""
    return _mark(key, f"case {number}")


def own_test_mark(key: bytes, number: int) -> str:
    """The mark of the page that shows the result of a test that was asked for."""
    return _mark(key, f"own test {number}")


def new_page() -> str:
    """An address that nobody had before, for who wants to show that another one is his."""
    return _text(secrets.token_bytes(16))


def control_token(key: bytes, ip: str, page: str) -> str:
    """What shows control of an address, for the one page: 256 bits in 52 letters and digits.

    All the world can read it in the DNS; it helps nobody who does not have the page's address.
    """
    return _text(hmac.digest(key, f"control of {ip} for {page}".encode(), hashlib.sha256))


def is_mark(made: str, given: str) -> bool:
    """Whether they are the same; takes as long whatever the difference."""
    return hmac.compare_digest(made.encode(), given.encode())


def _mark(key: bytes, text: str) -> str:
    return _text(hmac.new(key, text.encode(), hashlib.sha256).digest()[:16])


def _text(data: bytes) -> str:
    return base64.b32encode(data).decode("ascii").rstrip("=").lower()
