"""A mark for this process that no other has, nor had: numbers of processes are used again."""

import os
import secrets
from functools import cache


def process_mark() -> str:
    """Eight hex digits, drawn when a process first asks; a forked child draws its own."""
    return _drawn(os.getpid())


@cache
def _drawn(pid: int) -> str:  # noqa: ARG001 - whose it is
    return secrets.token_hex(4)
