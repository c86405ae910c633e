"""Addresses that nobody can guess: the keyed mark of a case or of an own test.

Whoever has the address may see the page and do what stands on it.  It came to him by letter, so it
proves what a password would, and there is no cookie that somebody else's page could abuse.
"""

import base64
import hashlib
import hmac

LENGTH = 26
"""Letters and digits of a mark: 130 bits' worth, of which 128 are the mark's."""


def case_mark(key: bytes, number: str) -> str:
    """The mark of a case's page."""
    return _mark(key, f"case {number}")


def own_test_mark(key: bytes, number: int) -> str:
    """The mark of the page that shows the result of a test that was asked for."""
    return _mark(key, f"own test {number}")


def is_mark(made: str, given: str) -> bool:
    """Whether they are the same; takes as long whatever the difference."""
    return hmac.compare_digest(made.encode(), given.encode())


def _mark(key: bytes, text: str) -> str:
    whole = hmac.new(key, text.encode(), hashlib.sha256).digest()
    return base64.b32encode(whole[:16]).decode("ascii").rstrip("=").lower()
