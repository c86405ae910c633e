"""The path in MAIL FROM and RCPT TO, byte for byte as the peer wrote it (RFC 5321 s4.1.2).

The library's own parser unquotes and rewrites addresses; whether an envelope was rewritten on its
way is exactly what the canary has to see.
"""

import re
from dataclasses import dataclass

_PATH = re.compile(rb'[ \t]*(?:<((?:[^"<> \t]|"(?:[^"\\]|\\.)*")*)>|([^<> \t]+))(?:[ \t]+(.*))?$')
_SIZE = re.compile(rb"(?:^|[ \t])SIZE=(\d{1,20})(?=[ \t]|$)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Path:
    """What a MAIL or RCPT command named.

    Attributes:
        address: Between the angle brackets; ``b""`` for the null sender.  Hostile.
        size: The declared SIZE of the message in bytes (RFC 1870), 0 if none was.
    """

    address: bytes
    size: int


def parse_path(argument: bytes, keyword: bytes) -> Path | None:
    """The path after ``FROM:`` or ``TO:``, or None if there is none; other parameters are ignored.

    Brackets may be missing and blanks may follow the colon, as old servers write it.
    """
    if argument[: len(keyword)].upper() != keyword:
        return None
    match = _PATH.match(argument[len(keyword) :])
    if match is None:
        return None
    bracketed, bare, parameters = match.groups()
    size = _SIZE.search(parameters or b"")
    return Path(bare if bracketed is None else bracketed, int(size[1]) if size else 0)
