"""A stranger's bytes and names made safe to show: visible, bounded, on one line (law 9).

What comes out holds no control character, no line break, no invisible or direction-changing
character, so it can't move a terminal's cursor, forge a mail header, or reorder a line.  Escaping
for HTML or CSV comes on top, where those are made.
"""

import re
import unicodedata

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories without a shape of their own: control, format (bidi, zero width), surrogate,
private, unassigned, line and paragraph separators."""

CUT = "…"
"""Stands at the end of what was cut short."""


def show_bytes(data: bytes, limit: int) -> str:
    r"""Printable ASCII as it is, everything else as ``\xNN``; at most ``limit`` characters.

    The backslash itself is doubled, so that the text can be read back without doubt.
    """
    parts: list[str] = []
    for byte in data[: limit + 1]:
        if byte == ord("\\"):
            parts.append("\\\\")
        elif 0x20 <= byte < 0x7F:  # noqa: PLR2004 - the printable ASCII range
            parts.append(chr(byte))
        else:
            parts.append(f"\\x{byte:02x}")
    return _bounded(parts, limit)


def show_text(text: str, limit: int) -> str:
    r"""A stranger's name: hidden characters as ``\uNNNN``, spaces collapsed, at most ``limit``."""
    words = re.sub(" {2,}", " ", text[: 4 * limit])
    parts = [
        f"\\u{ord(letter):04x}" if unicodedata.category(letter) in _HIDDEN else letter
        for letter in words
    ]
    return _bounded(parts, limit)


def _bounded(parts: list[str], limit: int) -> str:
    """The parts joined, cut between two of them (never inside an escape)."""
    if sum(map(len, parts)) <= limit:
        return "".join(parts)
    kept: list[str] = []
    room = limit - len(CUT)
    for part in parts:
        room -= len(part)
        if room < 0:
            break
        kept.append(part)
    return "".join(kept) + CUT
