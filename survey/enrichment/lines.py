"""One line of a registry file, checked: either a row, nothing, or a ``ValueError`` that says why.

The text of each error is ``what is wrong; what would be right``.  Names are a stranger's words:
kept as text, bounded, on one line; escaped where they are shown.
"""

import re
import socket
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from survey.model.address import MAX_IP
from survey.targets.ranges import parse_cidr

MAX_NAME = 200
MAX_EMAIL = 254  # RFC 5321 s4.5.3.1.3, less the angle brackets
MAX_ASN = 2**32 - 1

_COUNTRY = re.compile(r"[A-Z]{2}")
_NO_COUNTRY = {"ZZ", "NONE"}  # of registries (ISO 3166-1 user-assigned), of iptoasn
_DIGITS = len(str(MAX_IP))
_EMAIL = re.compile(r"[^\s@<>\"(),:;\[\]\\\x00-\x1f\x7f]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*")


class Row(NamedTuple):
    """An address range and what is said about it; the order of ``rest`` is the schema's."""

    start: int
    end: int
    rest: tuple[object, ...]


def country_row(fields: Sequence[str]) -> Row | None:
    """``range_start, range_end, country_code``; an unknown country (ZZ, None) gives no row."""
    start, end, code = _fields(fields, "range_start,range_end,country_code")
    country = country_code(code)
    return Row(*_range(start, end), (country,)) if country else None


def network_row(fields: Sequence[str]) -> Row | None:
    """``range_start, range_end, asn, country, name``; AS 0 is "not routed" and gives no row."""
    start, end, asn, _, name = _fields(fields, "range_start,range_end,asn,country,name")
    number = network_number(asn)
    return Row(*_range(start, end), (number, name_text(name))) if number else None


def plain_network_row(fields: Sequence[str]) -> Row | None:
    """``range_start, range_end, asn, name``; AS 0 gives no row."""
    start, end, asn, name = _fields(fields, "range_start,range_end,asn,name")
    number = network_number(asn)
    return Row(*_range(start, end), (number, name_text(name))) if number else None


def contact_row(fields: Sequence[str]) -> Row:
    """``range_start, range_end, email, name, language``."""
    start, end, email, name, language = _fields(fields, "range_start,range_end,email,name,language")
    if len(email) > MAX_EMAIL or not _EMAIL.fullmatch(email):
        raise ValueError(f"{email!r} is no mailbox; write it like abuse@example.net")
    if language and not _LANGUAGE.fullmatch(language):
        raise ValueError(f"{language!r} is no language; write it like es or pt-BR, or nothing")
    return Row(*_range(start, end), (email, name_text(name), language))


def listing_row(fields: Sequence[str], source: str) -> Row:
    """``range_start, range_end, listing, since``, or one address or CIDR listed by ``source``."""
    if len(fields) == 1:
        part = parse_cidr(fields[0].strip())
        return Row(part.start, part.end, (source, None, None, None))
    start, end, listing, since = _fields(fields, "range_start,range_end,listing,since")
    if not name_text(listing):
        raise ValueError("the listing has no name; write the public database's name")
    return Row(*_range(start, end), (name_text(listing), _moment(since), None, None))


def country_code(text: str) -> str | None:
    """Two letters, in capitals; None for the publishers' words for "unknown"."""
    code = text.strip().upper()
    if code in _NO_COUNTRY:
        return None
    if not _COUNTRY.fullmatch(code):
        raise ValueError(f"{text!r} is no country code; write two letters (ISO 3166-1 alpha-2)")
    return code


def network_number(text: str) -> int:
    """An autonomous system number, with or without ``AS`` before it."""
    digits = text.removeprefix("AS")
    if not (digits.isascii() and digits.isdigit() and int(digits) <= MAX_ASN):
        raise ValueError(f"{text!r} is no network number; write 0 to {MAX_ASN}")
    return int(digits)


def address(text: str) -> int:
    """An IPv4 address, dotted or as a number."""
    if text.isascii() and text.isdigit() and len(text) <= _DIGITS and int(text) <= MAX_IP:
        return int(text)
    try:
        return int.from_bytes(socket.inet_pton(socket.AF_INET, text))
    except (OSError, ValueError):
        raise ValueError(f"{text!r} is no IPv4 address; use the publisher's IPv4 file") from None


def name_text(text: str) -> str:
    """A stranger's name on one line, without characters that can't be seen, bounded."""
    if text.isascii() and text.isprintable() and "  " not in text:  # nearly all
        return text.strip()[:MAX_NAME]
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:MAX_NAME]


def _fields(fields: Sequence[str], wanted: str) -> list[str]:
    count = wanted.count(",") + 1
    if len(fields) != count:
        raise ValueError(f"has {len(fields)} fields; write {count}: {wanted}")
    return [field.strip() for field in fields]


def _range(start: str, end: str) -> tuple[int, int]:
    first, last = address(start), address(end)
    if first > last:
        raise ValueError(f"the range ends before it starts ({start} to {end}); swap the two")
    return first, last


def _moment(text: str) -> datetime | None:
    """An ISO date or time, UTC if it names no zone; None for nothing."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is no date; write it like 2026-11-23") from None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
