"""One line of a DNSBL zone file as rbldnsd reads it: ranges, names, values, special entries.

rbldnsd warns of a line that it can't read and goes on; here such a line is a ``ValueError``
(``what is wrong; what would be right``), since a list that is read in part is another list.
"""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from survey.model.address import MAX_IP, Range, format_ip

MAX_TEXT = 255
"""Characters of a text; rbldnsd cuts there, since a TXT string ends there (RFC 1035 s3.3)."""

_OCTETS = r"(\d{1,10}(?:\.\d{1,10}){0,3})"
_RANGE = re.compile(rf"{_OCTETS}(?:/(\d{{1,10}})|-{_OCTETS})?", re.ASCII)
_END = re.compile(r"[ \t#;:]")
_BLANK = re.compile(r"[ \t]")
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"(?=.{{1,253}}$){_LABEL}(?:\.{_LABEL})*")
_TIME = re.compile(r"[0-9]{1,9}[smhdw]?", re.IGNORECASE)
_MOMENT = re.compile(
    r"(\d{4})[-:]?(\d\d)[-:]?(\d\d)(?:[-:]?(\d\d)(?:[-:]?(\d\d)(?:[-:]?(\d\d))?)?)?"
)
_VARIABLE = re.compile(r"\$(\$|=|\d|)")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_SOA_FIELDS = 8
_ADDRESS_OCTETS = 4


@dataclass(frozen=True, slots=True)
class Value:
    """What a DNSBL says of an entry.

    Attributes:
        code: Its A record, an address in 127.0.0.0/8, as text.
        text: Template of its TXT record, or "".
    """

    code: str = "127.0.0.2"
    text: str = ""


DEFAULT = Value()
"""What rbldnsd says where a file does not."""


def split_entry(line: str, *, name: bool = False) -> tuple[bool, str, str]:
    """Whether it is an exclusion, its range or name, and the value that follows.

    A value may follow a range at once; a name ends at a blank.
    """
    excluded = line.startswith("!")
    rest = line[1:].lstrip(" \t") if excluded else line
    end = (_BLANK if name else _END).search(rest)
    if end is None:
        return excluded, rest, ""
    return excluded, rest[: end.start()], rest[end.start() :].lstrip(" \t")


def zone_range(text: str, *, prefixes_only: bool = False) -> tuple[Range, int]:
    """The addresses that a range means, and the length of its prefix (32 for a plain range).

    ``192.0.2.0/24``, ``192.0.2`` and ``192.0/16``, ``192.0.2.1-192.0.2.9``, ``192.0.2.1-9``; with
    ``prefixes_only`` only the first two kinds.
    """
    found = _RANGE.fullmatch(text)
    if found is None or (prefixes_only and found[3]):
        raise ValueError(f"{text[:40]!r} is no range of addresses; write it like 192.0.2.0/24")
    first, length, last = found.groups()
    start, bits = _octets(first)
    if last is not None:
        return _between(text, start, bits, last), 32
    if length is None:
        if bits == 8:  # noqa: PLR2004 - one octet
            raise ValueError(f"{text!r} is a bare number; write {text}/8")
        size = bits
    else:
        size = int(length)
    if size > 32 or (size == 0 and not prefixes_only):  # noqa: PLR2004 - bits of an address
        raise ValueError(f"{text!r} has no prefix length of 1 to 32; write it like 192.0.2.0/24")
    if start & _host_bits(size):
        right = f"{format_ip(start & ~_host_bits(size))}/{size}"
        raise ValueError(f"{text!r} has bits set behind its prefix; write {right}")
    return Range(start, start | _host_bits(size)), size


def zone_name(text: str) -> tuple[str, bool, bool]:
    """A listed name in lower case, whether it is meant itself, and whether what is below it is."""
    if text.startswith("."):
        name, itself, below = text[1:], True, True
    elif text.startswith("*."):
        name, itself, below = text[2:], False, True
    else:
        name, itself, below = text, True, False
    name = name.lower().removesuffix(".")
    if not _NAME.fullmatch(name):
        raise ValueError(f"{text[:60]!r} is no domain name; write it like example.com")
    return name, itself, below


def zone_value(text: str, default: Value) -> Value:
    """What stands behind an entry, or in a line that sets the default.

    ``:127.0.0.3:text``, ``:3:text``, ``:3`` (the default's text), ``:3:`` (no text), ``text``.
    """
    if not text or text.startswith(("#", ";")):
        return default
    if not text.startswith(":"):
        return Value(default.code, text[:MAX_TEXT])
    code, colon, said = text[1:].partition(":")
    try:
        number, bits = _octets(code.strip(" \t"))
    except ValueError:
        number, bits = 0, 0
    if bits == 8:  # noqa: PLR2004 - one octet: the last of 127.0.0.x
        number = 0x7F000000 | number >> 24 if number else 0
    elif bits < 32:  # noqa: PLR2004
        number = 0
    if not number:
        raise ValueError(f"{code[:40]!r} is no return code; write it like 127.0.0.2 or 2")
    return Value(format_ip(number), said.strip(" \t")[:MAX_TEXT] if colon else default.text)


@dataclass(slots=True)
class Specials:
    """What the ``$`` lines of a dataset say.

    Attributes:
        variables: Texts of ``$0`` to ``$9``.
        template: Text of ``$=``, or None.
        max_size: Addresses that one entry may hold, or None.
    """

    variables: dict[str, str] = field(default_factory=dict)
    template: str | None = None
    max_size: int | None = None

    def copy(self) -> "Specials":
        """What a dataset inside a combined one begins with."""
        return Specials(dict(self.variables), self.template, self.max_size)

    def obey(self, text: str, now: datetime) -> None:
        """Take note of a special entry (without its ``$``)."""
        word, _, rest = text.replace("\t", " ").partition(" ")
        rest = rest.strip(" ")
        if word == "=":
            self.template = self.template if self.template is not None else _said(rest)
            return
        if len(word) == 1 and word in "0123456789":
            self.variables.setdefault(word, _said(rest))
            return
        match word.lower():
            case "soa" | "ns" | "ttl":
                _check_zone(word.lower(), rest)
            case "maxrange4":
                self._limit(rest)
            case "timestamp":
                _check_age(rest, now)
            case _:
                raise ValueError(f"${word[:20]} is no special entry that we know; correct it")

    def text(self, template: str, about: str) -> str:
        """A text with its variables filled in; ``about`` stands for the listed address or name."""
        if template.startswith("="):
            whole = inner = template[1:]
        elif self.template is not None:
            whole, inner = self.template, template or about
        else:
            whole = inner = template

        def filled(found: re.Match[str]) -> str:
            match found[1]:
                case "$":
                    return "$"
                case "=":
                    return inner
                case "":
                    return about
                case digit:
                    return self.variables.get(digit, f"${digit}")

        return _VARIABLE.sub(filled, whole)[:MAX_TEXT]

    def _limit(self, text: str) -> None:
        length = text.removeprefix("/")
        number = int(length) if length.isascii() and length.isdigit() else 0
        if text.startswith("/"):
            number = 1 << (32 - number) if 1 <= number <= 32 else 0  # noqa: PLR2004
        if not number:
            raise ValueError("$MAXRANGE4 is no size; write it like 256 or /24")
        self.max_size = min(number, self.max_size or number)


def reversed_range(name: str, *, below: bool) -> Range | None:
    """The addresses that a name of reversed octets stands for in a DNSBL, or None."""
    labels = name.split(".")
    if not all(label.isdigit() and label == str(int(label)) for label in labels):
        return None
    octets = [int(label) for label in reversed(labels)]
    room = 8 * (_ADDRESS_OCTETS - len(octets))
    if max(octets) > 255 or room < 0 or (room == 0) == below:  # noqa: PLR2004
        return None
    start = int.from_bytes(bytes(octets)) << room
    return Range(start, start | (1 << room) - 1)


def _octets(text: str) -> tuple[int, int]:
    """The address that one to four octets begin, and the bits that they fix."""
    parts = text.split(".")
    octets = [int(part) if part.isascii() and part.isdigit() else 256 for part in parts]
    if max(octets) > 255 or len(octets) > _ADDRESS_OCTETS:  # noqa: PLR2004
        raise ValueError(f"{text[:40]!r} has an octet above 255; write it like 192.0.2.0/24")
    bits = 8 * len(octets)
    return int.from_bytes(bytes(octets)) << (32 - bits), bits


def _between(text: str, start: int, bits: int, last: str) -> Range:
    """A range with a dash; one octet behind it takes the place of the last one before it."""
    end, end_bits = _octets(last)
    if end_bits == 8:  # noqa: PLR2004
        end = end >> (bits - 8) | start & ~_host_bits(bits - 8)
        end_bits = bits
    elif end_bits != bits:
        raise ValueError(f"{text!r} has ends of two lengths; write whole addresses")
    end |= _host_bits(end_bits)
    if start > end:
        raise ValueError(f"{text!r} ends before it starts; swap the two")
    return Range(start, end)


def _host_bits(size: int) -> int:
    return MAX_IP >> size


def _said(text: str) -> str:
    if not text:
        raise ValueError("a variable holds nothing; write its text behind it")
    return text


def _check_zone(word: str, text: str) -> None:
    """What is about the zone as such says nothing about an entry, but it must be whole."""
    words = text.split()
    if word == "soa" and len(words) != _SOA_FIELDS:
        raise ValueError("$SOA has not eight fields; write rbldnsd's form of it")
    if word == "ns" and (len(words) < 2 or not _TIME.fullmatch(words[0])):  # noqa: PLR2004
        raise ValueError("$NS has no name server; write a time and names")
    if word == "ttl" and not _TIME.fullmatch(text):
        raise ValueError("$TTL is no time; write it like 3600 or 1h")


def _check_age(text: str, now: datetime) -> None:
    """Data from the future or past their date are not to be used (rbldnsd does not load them)."""
    stamp, _, until = text.partition(" ")
    made = _moment(stamp)
    if made is not None and made > now:
        raise ValueError(f"$TIMESTAMP {stamp} is in the future; get the file again")
    until = until.strip(" \t")
    if until.startswith("+"):
        time = until[1:]
        if made is None or not _TIME.fullmatch(time):
            raise ValueError("$TIMESTAMP has no usable end; write it like +2d")
        unit = time[-1].lower() if time[-1].isalpha() else "s"
        end: datetime | None = made + timedelta(
            seconds=int(time.rstrip("smhdwSMHDW")) * _UNITS[unit]
        )
    else:
        end = _moment(until) if until else None
    if end is not None and end < now:
        raise ValueError(f"$TIMESTAMP says that the data ended at {end}; get the file again")


def _moment(text: str) -> datetime | None:
    if text in {"0", "-"}:
        return None
    wrong = ValueError(f"{text!r} is no time; write it like 2026-11-23:09:00")
    found = _MOMENT.fullmatch(text)
    if found is None:
        raise wrong
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups())
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        raise wrong from None
