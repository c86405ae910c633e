"""Regional registries' delegated-extended files: to whom each block of addresses was given.

``registry|cc|type|start|value|date|status|opaque-id[|extensions...]`` (RIR statistics exchange
format).  Of IPv4 records ``value`` is how many addresses, which need not be a power of two.  The
first line is a version, lines that end in ``summary`` count the records of a type; records of
networks and of IPv6 are passed over.

Who was given a block (allocated, assigned) has a country and an opaque id, the same on all blocks
of one holder at one registry.  What is available or reserved is nobody's; such ranges fill what
those leave, since registries also list as reserved what another registry keeps.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime

from survey.enrichment.content import Content
from survey.enrichment.lines import Row, address, country_code, name_text
from survey.enrichment.overlaps import Line, distinct, laid_under
from survey.enrichment.source_file import SourceFile
from survey.model.address import MAX_IP

_GIVEN = {"allocated", "assigned"}
_NOBODYS = {"available", "reserved"}
_LEAST = 7
_SUMMARY = 6
_TYPES = {"ipv4", "ipv6", "asn"}


def read_delegated(files: Sequence[SourceFile]) -> Content:
    """Disjoint rows of REGISTRATION_RANGES.

    Raises:
        ConfigError: A line is broken, two holders have one address, or a file has fewer records
            than its summary says (it was cut off).
    """
    given: list[Line] = []
    nobodys: list[Line] = []
    for file in files:
        for line in _lines(file):
            (given if line.row.rest[2] in _GIVEN else nobodys).append(line)
    rows = laid_under(distinct(given), nobodys)
    return Content([(row.start, row.end, *row.rest) for row in rows])


def _lines(file: SourceFile) -> Iterator[Line]:
    promised = found = 0
    for number, fields in file.fields("|"):
        try:
            if fields[-1].strip() == "summary":
                promised += _summary(fields)
                continue
            row = _row(fields)
        except ValueError as error:
            problem, _, cure = str(error).partition("; ")
            raise file.wrong(number, problem, cure) from error
        if row is not None:
            found += 1
            yield Line(row, file, number)
    if found < promised:
        raise file.wrong(
            number,
            f"is the last; {promised:,} ipv4 records are announced and {found:,} there",
            "fetch the file again",
        )


def _summary(fields: Sequence[str]) -> int:
    """How many IPv4 records a summary line announces."""
    if len(fields) != _SUMMARY or not fields[4].strip().isdigit():
        raise ValueError("is no summary; write registry|*|type|*|count|summary")
    return int(fields[4]) if fields[2].strip() == "ipv4" else 0


def _row(fields: Sequence[str]) -> Row | None:
    if fields[0].strip().replace(".", "").isdigit():
        return None  # the version line
    if len(fields) < _LEAST:
        raise ValueError(
            f"has {len(fields)} fields; write registry|cc|type|start|value|date|status|opaque-id"
        )
    registry, country, kind, start, value, day, status, *more = map(str.strip, fields)
    if kind not in _TYPES:
        raise ValueError(f"{kind!r} is no type of record; write ipv4, ipv6 or asn")
    if kind != "ipv4":
        return None
    if not (registry.isascii() and registry.isalnum()):
        raise ValueError(f"{registry!r} is no registry; write arin, ripencc, ...")
    if status not in _GIVEN | _NOBODYS:
        known = ", ".join(sorted(_GIVEN | _NOBODYS))
        raise ValueError(f"{status!r} is no status; write one of {known}")
    first, last = _block(start, value)
    owned = status in _GIVEN
    holder = name_text(more[0]) if more and owned else ""
    registry = registry.lower()
    return Row(
        first,
        last,
        (
            registry,
            country_code(country) if country and owned else None,
            status,
            f"{registry}:{holder}" if holder else None,
            _day(day),
        ),
    )


def _block(start: str, value: str) -> tuple[int, int]:
    first = address(start)
    if not (value.isascii() and value.isdigit() and int(value)):
        raise ValueError(f"{value!r} is no number of addresses; write 1 or more")
    last = first + int(value) - 1
    if last > MAX_IP:
        raise ValueError(f"{start} has no {value} addresses from it on; correct it")
    return first, last


def _day(text: str) -> date | None:
    if not text.strip("0"):
        return None
    try:
        return datetime.strptime(text, "%Y%m%d").date()  # noqa: DTZ007 - a day has no zone
    except ValueError:
        raise ValueError(f"{text!r} is no date; write it like 20261123, or nothing") from None
