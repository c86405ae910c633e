"""What answered: software and version told from what a port said, by a table of signs.

Facts first (law 4): probes keep the first bytes of each conversation; which program said them is
judged here, when findings are written, and can be judged again.  All that was heard on one port
counts together, whichever probe heard it, since one program listens there.

A row of the table (``fingerprints.py``) looks at one place of what was said, or at several.  The
table's order is its judgement: rows by which a program names itself stand before those that know it
by its ways, and of these the more particular one stands first; the first row that fits decides.
Patterns are RE2's: linear in what they read, and that is bounded by the evidence.

Software is a stranger's word.  It decides no verdict; it chooses which closing steps are offered.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import pyarrow as pa

from survey.analysis.database import Connection, hold
from survey.analysis.queries import query

MAX_VERSION = 40


class Place(StrEnum):
    r"""Where a sign is looked for; one text per port and place, made by ``said.sql``.

    Line ends are ``\n`` alone, other bytes that are not printable ASCII ``\xNN``.
    """

    GREETING = "greeting"
    """The first reply, all its lines, where a code of three digits begins it (mail, FTP)."""
    EHLO = "ehlo"
    """What a mail server said after its greeting: its reply to EHLO, and others."""
    REFUSAL = "refusal"
    """A mail server's refusals (code 400 or higher)."""
    SERVER = "server"
    """Value of the Server field of an HTTP reply that the port itself made."""
    AGENT = "agent"
    """Value of its Proxy-Agent field."""
    VIA = "via"
    """Value of its Via field; the last hop in it is the nearest."""
    HEAD = "head"
    """Status line and fields of an HTTP reply."""
    PAGE = "page"
    """What follows them, in a refusal (code 400 or higher) only: else it may be our canary's."""
    SOCKS4 = "socks4"
    """All that was heard after a SOCKS 4 request, in hex."""
    SOCKS4A = "socks4a"
    """The same after SOCKS 4a."""
    SOCKS5 = "socks5"
    """The same after the SOCKS 5 greeting and request."""
    FIRST = "first"
    """The first bytes of anything else (SSH, telnet gateways)."""


@dataclass(frozen=True, slots=True)
class Sign:
    """A place and what stands there.

    Attributes:
        place: Where to look.
        pattern: RE2, upper and lower case alike, ``^`` and ``$`` at each line's ends.  Its first
            group, if it has one, is the version (of a row's first sign).
    """

    place: Place
    pattern: str


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """One row of the table.

    Attributes:
        id: Published id, ``<software>.<situation>``; never reused.
        software: Id of the program (``model.software``).
        signs: All of them must fit.
        named: The program names itself there; else it is known by its ways, which others may
            share, and no letter says so.
        comment: Why this tells it, and who says the same; for a reader who knows no regex.
    """

    id: str
    software: str
    signs: tuple[Sign, ...]
    named: bool
    comment: str


def prepare(connection: Connection, table: Sequence[Fingerprint]) -> None:
    """Make ``fingerprints`` and the macros that ``said.sql`` and ``identified.sql`` read."""
    rows = pa.table(
        {
            "number": pa.array(range(len(table)), pa.int32()),
            "id": [row.id for row in table],
            "software": [row.software for row in table],
            "named": [row.named for row in table],
        }
    )
    hold(connection, "fingerprints", rows)
    connection.execute(query("spoken"))
    places = ", ".join(Place)
    connection.execute(f"CREATE MACRO fingerprint({places}) AS {_first_fitting(table)}")
    connection.execute(f"CREATE MACRO version_of(row_, {places}) AS {_version(table)}")


def identify(connection: Connection, first: int, last: int) -> None:
    """Make ``identified``: the program behind each port of the addresses ``first`` to ``last``."""
    connection.execute(query("said"), {"first": first, "last": last})
    connection.execute(query("identified"), {"version": MAX_VERSION})


def _first_fitting(table: Sequence[Fingerprint]) -> str:
    """One CASE whose value is the number of the first row that fits, or NULL."""
    lines = [
        f"WHEN {' AND '.join(map(_fits, row.signs))} THEN {number}"
        for number, row in enumerate(table)
    ]
    return "CASE " + "\n".join(lines) + " END"


def _version(table: Sequence[Fingerprint]) -> str:
    """One CASE: what the chosen row's group holds, "" if it has none."""
    lines = [
        f"WHEN {number} THEN regexp_extract({row.signs[0].place}, {_regex(row.signs[0])}, 1)"
        for number, row in enumerate(table)
        if has_version(row)
    ]
    return "CASE row_ " + "\n".join(lines) + " ELSE '' END"


def has_version(row: Fingerprint) -> bool:
    """Whether it can tell the version."""
    return "(" in row.signs[0].pattern.replace("(?:", "").replace("\\(", "")


def _fits(sign: Sign) -> str:
    return f"regexp_matches({sign.place}, {_regex(sign)})"


def _regex(sign: Sign) -> str:
    """The pattern as SQL text; it is ours, from the table."""
    return "'(?im)" + sign.pattern.replace("'", "''") + "'"
